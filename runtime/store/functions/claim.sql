-- Claims up to _limit tickets of one queue for a node: takes them out of `ready`, writes a lease and an event for each.
-- Rows of other claimers are skipped, not waited for. One token serves the whole batch: (ticket, fence) is what every
-- later write must match.
DROP FUNCTION IF EXISTS swarm.claim;
CREATE FUNCTION swarm.claim(_queue text, _limit integer, _node_id bigint)
RETURNS TABLE (ticket_id bigint, fence bigint, attempt smallint, attempts_max smallint, graph_id bigint, key text,
               kind text, payload text, timeout_ms bigint)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    _queue_id integer := (SELECT q.id FROM swarm.queues q WHERE q.name = _queue);
BEGIN
    RETURN QUERY
    WITH claimed AS MATERIALIZED (
        DELETE FROM swarm.ready r
        WHERE r.ctid = ANY (ARRAY(
            SELECT ctid FROM swarm.ready
            WHERE queue_id = _queue_id
            ORDER BY priority, seq
            LIMIT _limit
            FOR UPDATE SKIP LOCKED)) -- two claimers never see the same row, and none waits for the other
        RETURNING r.ticket_id, r.priority, r.seq
    ), token AS MATERIALIZED (
        SELECT swarm.next_fence() AS fence WHERE EXISTS (SELECT FROM claimed)
    ), spec AS MATERIALIZED (
        SELECT t.id, t.attempts, t.attempts_max, t.queue_id, t.priority, t.graph_id, t.key, t.kind,
               t.payload::text AS payload, t.timeout_ms, c.seq
        FROM claimed c JOIN swarm.tickets t ON t.id = c.ticket_id
    ), leased AS (
        INSERT INTO swarm.leases (ticket_id, fence, node_id, attempt, queue_id, priority, claimed_at, last_heartbeat,
                                  deadline_at)
        SELECT s.id, f.fence, _node_id, s.attempts + 1, s.queue_id, s.priority, clock_timestamp(), clock_timestamp(),
               CASE WHEN s.timeout_ms > 0 THEN clock_timestamp() + swarm.milliseconds(s.timeout_ms) END
        FROM spec s CROSS JOIN token f
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, fence, node_id)
        SELECT s.id, 'claimed', s.attempts + 1, f.fence, _node_id FROM spec s CROSS JOIN token f
    )
    SELECT s.id, f.fence, (s.attempts + 1)::smallint, s.attempts_max, s.graph_id, s.key, s.kind, s.payload,
           s.timeout_ms
    FROM spec s CROSS JOIN token f
    ORDER BY s.priority, s.seq;
END $$;
