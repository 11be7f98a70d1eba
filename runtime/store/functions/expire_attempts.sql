-- Ends attempts whose clock has run out and whose worker, which enforces it first, hasn't said so for _grace_ms:
--   start     no sign of work since the claim        progress  none since the last one
--   attempt   the attempt as a whole                 deadline  the ticket as a whole, for which there is no retry
-- It is settled as a timeout, as its worker would have done it; whatever that worker says later is lost. Those that wait
-- without a worker (swarm.waits) have the clock of the attempt, too: no claim may come to look at it.
DROP FUNCTION IF EXISTS swarm.expire_attempts;
CREATE FUNCTION swarm.expire_attempts(_grace_ms bigint, _limit integer, _rule_classes text[], _rule_first_ms bigint[],
                                      _rule_longest_ms bigint[], _rule_max integer[])
RETURNS TABLE (ticket_id bigint, event text, clock text)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    _now      timestamptz := clock_timestamp() - swarm.milliseconds(_grace_ms);
    -- Signs of work come with beats: see note_sweep.
    _extended timestamptz := (SELECT extended_at FROM swarm.reaping);
    _tickets  bigint[];
    _fences   bigint[];
    _clocks   text[];
    _evidence text[];
BEGIN
    WITH late AS MATERIALIZED (
        SELECT l.ticket_id, l.fence,
               CASE WHEN l.deadline_at < _now THEN l.deadline_clock
                    WHEN l.started_at IS NULL AND l.start_timeout_ms > 0
                         AND greatest(l.claimed_at, _extended) + swarm.milliseconds(l.start_timeout_ms) < _now THEN 'start'
                    WHEN l.progress_timeout_ms > 0
                         AND greatest(l.claimed_at, l.progress_at, _extended) + swarm.milliseconds(l.progress_timeout_ms) < _now
                    THEN 'progress' END AS clock
        FROM swarm.leases l JOIN swarm.tickets t ON t.id = l.ticket_id
        WHERE l.deadline_at < _now
           OR (l.started_at IS NULL AND l.start_timeout_ms > 0
               AND greatest(l.claimed_at, _extended) + swarm.milliseconds(l.start_timeout_ms) < _now)
           OR (l.progress_timeout_ms > 0
               AND greatest(l.claimed_at, l.progress_at, _extended) + swarm.milliseconds(l.progress_timeout_ms) < _now)
        ORDER BY l.ticket_id
        LIMIT _limit
        FOR UPDATE OF l SKIP LOCKED
        FOR NO KEY UPDATE OF t SKIP LOCKED
    )
    SELECT array_agg(ticket_id), array_agg(fence), array_agg(clock),
           array_agg(format('its %s clock ran out, and its worker did not end it within %s ms more', clock, _grace_ms))
    INTO _tickets, _fences, _clocks, _evidence FROM late;

    -- Under leases of this moment, so that there is one place where an attempt ends. What somebody has in hand, or has moved
    -- since this began, is left to him or to the next sweep.
    WITH overdue AS MATERIALIZED (
        SELECT w.*, t.queue_id FROM swarm.waits w JOIN swarm.tickets t ON t.id = w.ticket_id
        WHERE w.ends_at < _now AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = w.ticket_id)
        ORDER BY w.ticket_id
        LIMIT _limit
        FOR NO KEY UPDATE OF t SKIP LOCKED
    ), put_off AS (
        DELETE FROM swarm.scheduled s WHERE s.ctid = ANY (ARRAY(
            SELECT ctid FROM swarm.scheduled WHERE ticket_id IN (SELECT ticket_id FROM overdue) FOR UPDATE SKIP LOCKED))
        RETURNING s.ticket_id
    ), queued AS (
        DELETE FROM swarm.ready r WHERE r.ctid = ANY (ARRAY(
            SELECT ctid FROM swarm.ready WHERE ticket_id IN (SELECT ticket_id FROM overdue) FOR UPDATE SKIP LOCKED))
        RETURNING r.ticket_id
    ), taken AS (
        INSERT INTO swarm.leases (ticket_id, fence, node_id, attempt, queue_id, claimed_at, last_heartbeat)
        SELECT o.ticket_id, o.fence, o.node_id, o.attempt, o.queue_id, o.began_at, _now
        FROM overdue o JOIN (SELECT ticket_id FROM put_off UNION ALL SELECT ticket_id FROM queued) m ON m.ticket_id = o.ticket_id
        RETURNING ticket_id, fence
    )
    SELECT _tickets || array_agg(ticket_id), _fences || array_agg(fence), _clocks || array_agg('attempt'::text),
           _evidence || array_agg('its attempt clock ran out while it waited: ' || reason)
    INTO _tickets, _fences, _clocks, _evidence FROM taken JOIN overdue USING (ticket_id, fence);
    IF _tickets IS NULL THEN
        RETURN;
    END IF;

    RETURN QUERY
    SELECT s.ticket_id, s.event, c.clock
    FROM swarm.settle(_tickets, _fences, array_fill('timeout'::text, ARRAY[cardinality(_tickets)]), _clocks,
                      array_fill(0::bigint, ARRAY[cardinality(_tickets)]), _evidence,
                      array_fill(NULL::integer, ARRAY[cardinality(_tickets)]),
                      array_fill(''::bytea, ARRAY[cardinality(_tickets)]),
                      array_fill(0::bigint, ARRAY[cardinality(_tickets)]),
                      _rule_classes, _rule_first_ms, _rule_longest_ms, _rule_max, false) s
    JOIN unnest(_tickets, _clocks) AS c (ticket_id, clock) ON c.ticket_id = s.ticket_id;
END $$;
