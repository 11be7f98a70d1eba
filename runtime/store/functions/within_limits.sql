-- A command's payload within the limits of its queue: the lower one of each pair. What can't be read stays as it is, for the
-- worker to refuse with its place.
DROP FUNCTION IF EXISTS swarm.within_limits;
CREATE FUNCTION swarm.within_limits(_payload jsonb, _limits jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _own CONSTANT jsonb := CASE WHEN jsonb_typeof(_payload) = 'object' THEN coalesce(_payload -> 'limits', '{}') END;
BEGIN
    IF jsonb_typeof(_own) IS DISTINCT FROM 'object' THEN
        RETURN _payload;
    END IF;
    RETURN _payload || jsonb_build_object('limits', _limits || coalesce(
        (SELECT jsonb_object_agg(o.key, CASE WHEN jsonb_typeof(o.value) <> 'number' OR NOT _limits ? o.key THEN o.value
                                             WHEN o.key = 'cpu_ms' AND o.value = '0' THEN _limits -> o.key -- 0: no limit
                                             ELSE to_jsonb(least(o.value::numeric, (_limits ->> o.key)::numeric)) END)
         FROM jsonb_each(_own) o), '{}'));
END $$;

-- Why limits can't be those of a queue; NULL when they can.
DROP FUNCTION IF EXISTS swarm.refuse_limits;
CREATE FUNCTION swarm.refuse_limits(_limits jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(_limits) <> 'object' THEN
        RETURN 'command_limits must be an object';
    END IF;
    RETURN (SELECT CASE WHEN l.key NOT IN ('core_bytes', 'cpu_ms', 'files', 'memory_bytes', 'processes')
                        THEN format('command_limits has no %s, known are core_bytes, cpu_ms, files, memory_bytes and '
                                    'processes', quote_literal(left(l.key, 63)))
                        ELSE format('command_limits must hold whole numbers, and %s is none', quote_literal(l.key)) END
            FROM jsonb_each(_limits) l
            WHERE l.key NOT IN ('core_bytes', 'cpu_ms', 'files', 'memory_bytes', 'processes')
               OR l.value::text !~ '^[0-9]{1,15}$' OR (l.key = 'cpu_ms' AND l.value = '0')
            ORDER BY l.key LIMIT 1);
END $$;
