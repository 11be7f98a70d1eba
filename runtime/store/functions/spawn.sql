-- Submits a ticket from within a running attempt, under its fence: who has lost the claim spawns nothing. The child
-- inherits queue, priority and deadline where it names none, and never outlives its spawner's deadline. How many a
-- ticket may spawn, and how deep, is capped: an agent that spawns agents must not fill the queue.
DROP FUNCTION IF EXISTS swarm.spawn;
CREATE FUNCTION swarm.spawn(_ticket_id bigint, _fence bigint, _kind text, _payload jsonb,
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
