-- Locks up to _wanted free slots of a limit, and answers their numbers. Free is what no lease stands behind. Leases
-- without a slot of this limit, from before it was set or lowered (_over), take the place of free ones.
DROP FUNCTION IF EXISTS swarm.free_slots;
CREATE FUNCTION swarm.free_slots(_queue_id integer, _scope text, _slots integer, _wanted integer, _over integer)
RETURNS integer[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _numbers integer[];
BEGIN
    IF NOT EXISTS (SELECT FROM swarm.slots WHERE queue_id = _queue_id AND scope = _scope AND number = _slots) THEN
        -- One at a time makes them: two that make those of several keys in different orders would wait for each other.
        IF NOT pg_try_advisory_xact_lock(hashtextextended('swarm slots ' || _queue_id || ' ' || _scope, 0)) THEN
            RETURN '{}';
        END IF;
        INSERT INTO swarm.slots (queue_id, scope, number)
        SELECT _queue_id, _scope, n FROM generate_series(1, _slots) AS n ON CONFLICT DO NOTHING;
    END IF;
    _numbers := ARRAY(
        SELECT s.number FROM swarm.slots s
        WHERE s.queue_id = _queue_id AND s.scope = _scope AND s.number <= _slots
          AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = s.ticket_id AND l.fence = s.fence)
        ORDER BY s.number
        LIMIT _wanted + _over
        FOR UPDATE SKIP LOCKED);
    -- A second look, with the rows locked and a snapshot of its own: the first one may not have seen the lease of a
    -- claim that took a slot and was committed since.
    RETURN ARRAY(
        SELECT s.number FROM swarm.slots s
        WHERE s.queue_id = _queue_id AND s.scope = _scope AND s.number = ANY (_numbers)
          AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = s.ticket_id AND l.fence = s.fence)
        ORDER BY s.number
        OFFSET _over);
END $$;

-- Of a queue, or of a node in it.
DROP FUNCTION IF EXISTS swarm.leases_without_slot;
CREATE FUNCTION swarm.leases_without_slot(_queue_id integer, _scope text, _slots integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT greatest(0,
        (SELECT count(*) FROM swarm.leases l
         WHERE l.queue_id = _queue_id
           AND CASE WHEN _scope = '' THEN true ELSE l.node_id = substr(_scope, 6)::bigint END)
        - (SELECT count(*) FROM swarm.slots s JOIN swarm.leases l ON l.ticket_id = s.ticket_id AND l.fence = s.fence
           WHERE s.queue_id = _queue_id AND s.scope = _scope AND s.number <= _slots))::integer;
$$;

-- The same of all groups of a queue in one look; and the groups whose slots are all taken. Objects by group key.
DROP FUNCTION IF EXISTS swarm.groups_at_work;
CREATE FUNCTION swarm.groups_at_work(_queue_id integer, _slots integer, OUT over jsonb, OUT full_ones jsonb)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(group_key, running - with_slot) FILTER (WHERE running > with_slot), '{}'),
           coalesce(jsonb_object_agg(group_key, true) FILTER (WHERE running >= _slots), '{}')
    FROM (SELECT t.group_key, count(*) AS running, count(s.number) AS with_slot
          FROM swarm.leases l JOIN swarm.tickets t ON t.id = l.ticket_id
          LEFT JOIN swarm.slots s ON s.queue_id = _queue_id AND s.scope = 'key:' || t.group_key AND s.number <= _slots
                                     AND s.ticket_id = l.ticket_id AND s.fence = l.fence
          WHERE l.queue_id = _queue_id AND t.group_key IS NOT NULL
          GROUP BY t.group_key) AS g;
$$;

DROP FUNCTION IF EXISTS swarm.take_slot;
CREATE FUNCTION swarm.take_slot(_queue_id integer, _scope text, _number integer, _ticket_id bigint, _fence bigint)
RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE swarm.slots SET ticket_id = _ticket_id, fence = _fence
    WHERE queue_id = _queue_id AND scope = _scope AND number = _number;
$$;
