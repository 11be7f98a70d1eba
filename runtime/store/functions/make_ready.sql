-- Queues tickets that wait for nothing but their turn, in the order given; those whose time hasn't come are scheduled.
-- The one place where a ticket enters `ready`.
DROP FUNCTION IF EXISTS swarm.make_ready;
CREATE FUNCTION swarm.make_ready(_ticket_ids bigint[], _now timestamptz DEFAULT clock_timestamp()) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _queued integer;
    _rest   bigint[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        -- It may see an order that was changed since it began, and nobody would know of it: 40001 then.
        PERFORM FROM swarm.queues q
        WHERE q.id IN (SELECT t.queue_id FROM unnest(_ticket_ids) AS g (id) JOIN swarm.tickets t ON t.id = g.id)
        ORDER BY q.id FOR SHARE;
    END IF;
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

    -- Whatever is left, and no second look at the queues: one that has another order by now would leave a ticket in no
    -- place at all. Ranks of the order before are mended (mend_order).
    _rest := ARRAY(SELECT g.id FROM unnest(_ticket_ids) WITH ORDINALITY AS g (id, place)
                   WHERE NOT EXISTS (SELECT FROM swarm.ready r WHERE r.ticket_id = g.id) ORDER BY g.place);
    INSERT INTO swarm.scheduled (ticket_id, run_at)
    SELECT t.id, t.run_at FROM unnest(_rest) AS g (id) JOIN swarm.tickets t ON t.id = g.id
    WHERE t.run_at > _now;
    GET DIAGNOSTICS _queued = ROW_COUNT;
    IF _queued < cardinality(_rest) THEN
        PERFORM swarm.make_ready_in_turn(ARRAY(SELECT g.id FROM unnest(_rest) WITH ORDINALITY AS g (id, place)
                                               JOIN swarm.tickets t ON t.id = g.id
                                               WHERE t.run_at IS NULL OR t.run_at <= _now ORDER BY g.place));
    END IF;
END $$;

-- For queues whose group keys take turns. Each group has a count of turns; a ticket gets the next one of its group, and
-- a group that was away begins where the queue is now: it gets no credit for the past. So whoever brings a thousand
-- tickets stands behind the one ticket of somebody else after his first. Tickets of a group that somebody's open
-- transaction has in hand stand behind all that wait: nobody waits for a stranger, and nobody gets ahead by one.
DROP FUNCTION IF EXISTS swarm.make_ready_in_turn;
CREATE FUNCTION swarm.make_ready_in_turn(_ticket_ids bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now    timestamptz := clock_timestamp();
    _queues integer[] := '{}'; -- of the groups with turns that were drawn ...
    _groups text[] := '{}';
    _turns  bigint[] := '{}';  -- ... and the last of these
BEGIN
    BEGIN
        SELECT coalesce(array_agg(d.queue_id), '{}'), coalesce(array_agg(d.group_key), '{}'), coalesce(array_agg(d.turn), '{}')
        INTO _queues, _groups, _turns FROM swarm.draw_turns(_ticket_ids) d;
    EXCEPTION
        WHEN lock_not_available THEN NULL; -- a group that is new to somebody else, too
    END;

    INSERT INTO swarm.ready (queue_id, rank, ticket_id, queued_at, expires_at, group_key, route)
    SELECT t.queue_id,
           -- 2^40 turns within each priority.
           (t.priority::bigint << 40)
               + CASE WHEN d.turn IS NULL
                      THEN swarm.last_turn(t.queue_id, t.priority)
                           + row_number() OVER (PARTITION BY t.queue_id, coalesce(t.group_key, '-') ORDER BY g.place)
                      ELSE d.turn + 1
                           - row_number() OVER (PARTITION BY t.queue_id, coalesce(t.group_key, '-') ORDER BY g.place DESC) END,
           t.id, _now, CASE WHEN t.queue_timeout_ms > 0 THEN _now + swarm.milliseconds(t.queue_timeout_ms) END,
           t.group_key, t.route
    FROM unnest(_ticket_ids) WITH ORDINALITY AS g (id, place)
    JOIN swarm.tickets t ON t.id = g.id
    LEFT JOIN unnest(_queues, _groups, _turns) AS d (queue_id, group_key, turn)
        ON d.queue_id = t.queue_id AND d.group_key = coalesce(t.group_key, '-')
    ORDER BY g.place;
END $$;

-- Draws turns for tickets, and answers the last one of each group; groups that somebody has in hand are left out.
DROP FUNCTION IF EXISTS swarm.draw_turns;
CREATE FUNCTION swarm.draw_turns(_ticket_ids bigint[]) RETURNS TABLE (queue_id integer, group_key text, turn bigint)
LANGUAGE plpgsql VOLATILE SET lock_timeout = '100ms' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    -- In order, as two of these may bring tickets of the same groups.
    WITH brought AS MATERIALIZED (
        SELECT t.queue_id, coalesce(t.group_key, '-') AS group_key, count(*) AS tickets
        FROM unnest(_ticket_ids) AS g (id) JOIN swarm.tickets t ON t.id = g.id
        GROUP BY t.queue_id, coalesce(t.group_key, '-')
    ), free AS MATERIALIZED (
        SELECT u.queue_id, u.group_key FROM swarm.turns u
        JOIN brought b ON b.queue_id = u.queue_id AND b.group_key = u.group_key
        ORDER BY u.queue_id, u.group_key
        FOR UPDATE OF u SKIP LOCKED
    )
    INSERT INTO swarm.turns AS u (queue_id, group_key, turn)
    SELECT b.queue_id, b.group_key,
           coalesce((SELECT turn FROM swarm.turns q WHERE q.queue_id = b.queue_id AND q.group_key = ''), 0) + b.tickets
    FROM brought b
    WHERE (b.queue_id, b.group_key) IN (SELECT f.queue_id, f.group_key FROM free f)
       OR NOT EXISTS (SELECT FROM swarm.turns k WHERE k.queue_id = b.queue_id AND k.group_key = b.group_key)
    ORDER BY b.queue_id, b.group_key
    ON CONFLICT ON CONSTRAINT turns_pkey DO UPDATE
    SET turn = greatest(u.turn + (SELECT tickets FROM brought b
                                  WHERE b.queue_id = u.queue_id AND b.group_key = u.group_key), excluded.turn)
    RETURNING u.queue_id, u.group_key, u.turn;
END $$;

-- The last turn that a ticket of this priority waits for.
DROP FUNCTION IF EXISTS swarm.last_turn;
CREATE FUNCTION swarm.last_turn(_queue_id integer, _priority smallint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT r.rank FROM swarm.ready r
                     WHERE r.queue_id = _queue_id AND r.rank BETWEEN _priority::bigint << 40 AND ((_priority::bigint + 1) << 40) - 1
                     ORDER BY r.queue_id DESC, r.rank DESC LIMIT 1) - (_priority::bigint << 40), 0);
END $$;
