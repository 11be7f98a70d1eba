-- Proof of life for all leases of a node. A (ticket, fence) that doesn't come back is lost: somebody else decides about
-- the ticket now. What comes back says whether an operator wants it cancelled. With each comes how far its work is: 0
-- until it has shown a sign of life, then a number that grows with it.
-- Leases of the node that are older than _orphan_after_ms and whose fence wasn't asked for come back as orphans, without a beat:
-- an actor died between the claim and the worker. The node hands them back, or they would wait for the reaper and count
-- as a lost worker.
DROP FUNCTION IF EXISTS swarm.heartbeat;
CREATE FUNCTION swarm.heartbeat(_node_id bigint, _ticket_ids bigint[], _fences bigint[], _progress bigint[],
                                _orphan_after_ms bigint)
RETURNS TABLE (ticket_id bigint, fence bigint, cancel_requested boolean, orphan boolean)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    _now timestamptz := clock_timestamp();
BEGIN
    UPDATE swarm.nodes SET last_seen_at = _now WHERE id = _node_id;
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT l.ticket_id, g.progress FROM swarm.leases l
        JOIN unnest(_ticket_ids, _fences, _progress) AS g (ticket_id, fence, progress)
            ON g.ticket_id = l.ticket_id AND g.fence = l.fence
        -- A lease that somebody else has in hand, an operator's transaction say, must not keep the others from beating.
        FOR NO KEY UPDATE OF l SKIP LOCKED
    )
    UPDATE swarm.leases l
    SET last_heartbeat = _now, heartbeat_count = l.heartbeat_count + 1,
        started_at = CASE WHEN l.started_at IS NULL AND h.progress > 0 THEN _now ELSE l.started_at END,
        progress_at = CASE WHEN h.progress > l.progress THEN _now ELSE l.progress_at END,
        progress = greatest(l.progress, h.progress)
    FROM held h WHERE l.ticket_id = h.ticket_id
    RETURNING l.ticket_id, l.fence, l.cancel_requested_at IS NOT NULL, false;

    RETURN QUERY
    WITH rest AS MATERIALIZED (
        -- What wasn't renewed just now: passed over, and held all the same; or not asked for.
        SELECT l.ticket_id, l.fence, l.cancel_requested_at, g.ticket_id IS NULL AS orphan
        FROM swarm.leases l
        LEFT JOIN unnest(_ticket_ids, _fences) AS g (ticket_id, fence) ON g.ticket_id = l.ticket_id AND g.fence = l.fence
        WHERE l.node_id = _node_id AND l.last_heartbeat <> _now
          AND (g.ticket_id IS NOT NULL OR l.claimed_at < _now - swarm.milliseconds(_orphan_after_ms))
    ), held_up AS (
        -- What somebody has in hand looks silent when he lets go, until the next beat: the node itself is alive.
        UPDATE swarm.nodes n SET held_up_at = _now
        WHERE n.id = _node_id AND EXISTS (SELECT FROM rest WHERE NOT orphan)
    )
    SELECT r.ticket_id, r.fence, r.cancel_requested_at IS NOT NULL, r.orphan FROM rest r;
END $$;
