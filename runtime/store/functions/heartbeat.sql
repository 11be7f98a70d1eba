-- Proof of life for all leases of a node. A (ticket, fence) that doesn't come back is lost: somebody else decides about
-- the ticket now. What comes back says whether an operator wants it cancelled. Leases of the node that are older than
-- _orphan_after_ms and weren't asked for come back as orphans, without a beat: an actor died between the claim and the
-- worker. The node hands them back, or they would wait for the reaper and count as a lost worker.
DROP FUNCTION IF EXISTS swarm.heartbeat;
CREATE FUNCTION swarm.heartbeat(_node_id bigint, _ticket_ids bigint[], _fences bigint[], _orphan_after_ms bigint)
RETURNS TABLE (ticket_id bigint, fence bigint, cancel_requested boolean, orphan boolean)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
BEGIN
    UPDATE swarm.nodes SET last_seen_at = clock_timestamp() WHERE id = _node_id;
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT l.ticket_id, l.fence FROM swarm.leases l
        JOIN unnest(_ticket_ids, _fences) AS g (ticket_id, fence) ON g.ticket_id = l.ticket_id AND g.fence = l.fence
        ORDER BY l.ticket_id -- the lock order of settle and reclaim
        FOR UPDATE OF l
    )
    UPDATE swarm.leases l SET last_heartbeat = clock_timestamp(), heartbeat_count = l.heartbeat_count + 1
    FROM held h WHERE l.ticket_id = h.ticket_id
    RETURNING l.ticket_id, l.fence, l.cancel_requested_at IS NOT NULL, false;

    RETURN QUERY
    SELECT l.ticket_id, l.fence, l.cancel_requested_at IS NOT NULL, true FROM swarm.leases l
    WHERE l.node_id = _node_id AND l.claimed_at < clock_timestamp() - swarm.milliseconds(_orphan_after_ms)
      AND l.ticket_id <> ALL (_ticket_ids);
END $$;
