-- $1 node bigint, $2 tickets bigint[], $3 fences bigint[], $4 progress bigint[], $5 orphan after bigint (ms). Returns the
-- leases that are still held, and those of the node that nobody asked for.
SELECT ticket_id, fence, cancel_requested, orphan FROM swarm.heartbeat($1, $2, $3, $4, $5);
