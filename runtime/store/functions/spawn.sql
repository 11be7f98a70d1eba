-- Submits a ticket from within a running attempt, under its fence: who has lost the claim spawns nothing. The child
-- inherits queue, priority, group and deadline where it names none, and never outlives its spawner's deadline. How many a
-- ticket may spawn, and how deep, is capped: an agent that spawns agents must not fill the queue.
CREATE OR REPLACE FUNCTION swarm.spawn(_ticket_id bigint, _fence bigint, _kind text, _payload jsonb,
                            _queue text DEFAULT NULL, _priority smallint DEFAULT NULL,
                            _attempts_max smallint DEFAULT NULL, _timeout_ms bigint DEFAULT NULL,
                            _extras jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _depth_max   CONSTANT integer := 10;
    _fan_out_max CONSTANT integer := 1000;
    _spawner swarm.tickets;
    _left_ms bigint;
BEGIN
    PERFORM swarm.assert_current(_ticket_id, _fence);
    _extras := coalesce(_extras, '{}');
    PERFORM swarm.refuse_extras(_extras);
    -- One after the other, or several at once would pass the limit.
    PERFORM pg_advisory_xact_lock(hashtextextended('swarm spawner ' || _ticket_id, 0));
    PERFORM swarm.refuse_ticket(jsonb_strip_nulls(jsonb_build_object('kind', _kind, 'queue', _queue, 'priority', _priority,
                                                                     'attempts', _attempts_max))
                                || jsonb_build_object('payload', _payload));
    SELECT * INTO _spawner FROM swarm.tickets WHERE id = _ticket_id;
    IF _spawner.depth >= _depth_max THEN
        RAISE EXCEPTION 'ticket % is % generations deep already, which is the limit', _ticket_id, _spawner.depth
            USING ERRCODE = 'SW002';
    ELSIF (SELECT count(*) FROM (SELECT FROM swarm.tickets WHERE spawned_by = _ticket_id LIMIT _fan_out_max) s)
          >= _fan_out_max THEN
        RAISE EXCEPTION 'ticket % has spawned % tickets already, which is the limit', _ticket_id, _fan_out_max
            USING ERRCODE = 'SW002';
    END IF;
    IF _spawner.group_key IS NOT NULL THEN
        _extras := jsonb_build_object('group_key', _spawner.group_key) || _extras;
    END IF;
    IF _spawner.deadline_at IS NOT NULL THEN
        _left_ms := greatest(1, ceil(extract(epoch FROM _spawner.deadline_at - clock_timestamp()) * 1000));
        _extras := _extras || jsonb_build_object('deadline_ms', least(_left_ms, (_extras ->> 'deadline_ms')::bigint));
    END IF;
    RETURN (SELECT s.ticket_ids[1] FROM swarm.submit(
        NULL, ARRAY[NULL::text],
        ARRAY[coalesce(_queue, (SELECT name FROM swarm.queues WHERE id = _spawner.queue_id))], ARRAY[_kind],
        ARRAY[coalesce(_priority, _spawner.priority)], ARRAY[coalesce(_attempts_max, _spawner.attempts_max)],
        ARRAY[coalesce(_timeout_ms, _spawner.timeout_ms)], ARRAY[_payload::text], ARRAY[_extras],
        '{}', '{}', '{}', _ticket_id, (_spawner.depth + 1)::smallint) s);
END $$;

-- Refuses, in a sentence, what isn't among the things that few tickets have.
DROP FUNCTION IF EXISTS swarm.refuse_extras;
CREATE FUNCTION swarm.refuse_extras(_extras jsonb) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    _problem text;
BEGIN
    IF jsonb_typeof(_extras) <> 'object' THEN
        _problem := 'what few tickets have must be an object';
    ELSE
        SELECT CASE WHEN e.key IN ('group_key', 'unique_key')
                    THEN CASE WHEN jsonb_typeof(e.value) <> 'string' OR octet_length(e.value #>> '{}') NOT BETWEEN 1 AND 200
                              THEN format('%s must be a text of 1 to 200 bytes', e.key) END
                    WHEN e.key IN ('deadline_ms', 'queue_timeout_ms', 'start_timeout_ms', 'progress_timeout_ms')
                    THEN CASE WHEN e.value::text !~ '^[0-9]{1,12}$' OR (e.value #>> '{}')::bigint > 315360000000
                              THEN format('%s must lie between nothing and ten years', e.key) END
                    WHEN e.key = 'run_at'
                    THEN CASE WHEN (e.value #>> '{}')::timestamptz NOT BETWEEN '1970-01-01 00:00Z' AND '2500-01-01 00:00Z'
                              THEN 'run_at must be a moment before the year 2500' END
                    ELSE format('there is no %s among what few tickets have', quote_literal(left(e.key, 63))) END
        INTO _problem FROM jsonb_each(_extras) e ORDER BY 1 NULLS LAST LIMIT 1;
    END IF;
    IF _problem IS NOT NULL THEN
        RAISE EXCEPTION '%', _problem USING ERRCODE = 'SW002';
    END IF;
EXCEPTION
    WHEN data_exception THEN
        RAISE EXCEPTION 'this can''t be a ticket: %', SQLERRM USING ERRCODE = 'SW002';
END $$;
