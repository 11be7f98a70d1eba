-- Queues tickets that wait for nothing but their turn, in the order given; those whose time hasn't come are scheduled.
-- The one place where a ticket enters `ready`.
DROP FUNCTION IF EXISTS swarm.make_ready;
CREATE FUNCTION swarm.make_ready(_ticket_ids bigint[], _now timestamptz DEFAULT clock_timestamp()) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _queued integer;
    _fair   bigint[];
BEGIN
    INSERT INTO swarm.ready (queue_id, rank, ticket_id, queued_at, expires_at, group_key, route)
    SELECT t.queue_id,
           CASE WHEN q.ageing_ms IS NULL THEN t.priority
                ELSE (extract(epoch FROM _now) * 1000)::bigint + t.priority * q.ageing_ms END,
           t.id, _now, CASE WHEN t.queue_timeout_ms > 0 THEN _now + swarm.milliseconds(t.queue_timeout_ms) END,
           t.group_key, t.route
    FROM unnest(_ticket_ids) WITH ORDINALITY AS g (id, place)
    JOIN swarm.tickets t ON t.id = g.id
    JOIN swarm.queues q ON q.id = t.queue_id
    WHERE (t.run_at IS NULL OR t.run_at <= _now) AND NOT q.is_fair
    ORDER BY g.place;
    GET DIAGNOSTICS _queued = ROW_COUNT;
    IF _queued = cardinality(_ticket_ids) THEN
        RETURN;
    END IF;

    INSERT INTO swarm.scheduled (ticket_id, run_at)
    SELECT t.id, t.run_at FROM unnest(_ticket_ids) AS g (id) JOIN swarm.tickets t ON t.id = g.id
    WHERE t.run_at > _now;
    _fair := ARRAY(SELECT t.id FROM unnest(_ticket_ids) WITH ORDINALITY AS g (id, place)
                   JOIN swarm.tickets t ON t.id = g.id JOIN swarm.queues q ON q.id = t.queue_id
                   WHERE (t.run_at IS NULL OR t.run_at <= _now) AND q.is_fair ORDER BY g.place);
    IF cardinality(_fair) > 0 THEN
        PERFORM swarm.make_ready_in_turn(_fair);
    END IF;
END $$;

-- For queues whose group keys take turns. Each group has a count of turns; a ticket gets the next one of its group, and
-- a group that was away begins where the queue is now: it gets no credit for the past. So whoever brings a thousand
-- tickets stands behind the one ticket of somebody else after his first.
DROP FUNCTION IF EXISTS swarm.make_ready_in_turn;
CREATE FUNCTION swarm.make_ready_in_turn(_ticket_ids bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz := clock_timestamp();
BEGIN
    -- In order, as two of these may bring tickets of the same groups.
    WITH brought AS (
        SELECT t.queue_id, coalesce(t.group_key, '-') AS group_key, count(*) AS tickets
        FROM unnest(_ticket_ids) AS g (id) JOIN swarm.tickets t ON t.id = g.id
        GROUP BY t.queue_id, coalesce(t.group_key, '-')
    )
    INSERT INTO swarm.turns AS u (queue_id, group_key, turn)
    SELECT b.queue_id, b.group_key,
           coalesce((SELECT turn FROM swarm.turns q WHERE q.queue_id = b.queue_id AND q.group_key = ''), 0) + b.tickets
    FROM brought b ORDER BY b.queue_id, b.group_key
    ON CONFLICT (queue_id, group_key) DO UPDATE
    SET turn = greatest(u.turn + (SELECT tickets FROM brought b
                                  WHERE b.queue_id = u.queue_id AND b.group_key = u.group_key), excluded.turn);

    INSERT INTO swarm.ready (queue_id, rank, ticket_id, queued_at, expires_at, group_key, route)
    SELECT t.queue_id,
           -- 2^40 turns within each priority.
           (t.priority::bigint << 40) + u.turn + 1
               - row_number() OVER (PARTITION BY t.queue_id, coalesce(t.group_key, '-') ORDER BY g.place DESC),
           t.id, _now, CASE WHEN t.queue_timeout_ms > 0 THEN _now + swarm.milliseconds(t.queue_timeout_ms) END,
           t.group_key, t.route
    FROM unnest(_ticket_ids) WITH ORDINALITY AS g (id, place)
    JOIN swarm.tickets t ON t.id = g.id
    JOIN swarm.turns u ON u.queue_id = t.queue_id AND u.group_key = coalesce(t.group_key, '-')
    ORDER BY g.place;
END $$;
