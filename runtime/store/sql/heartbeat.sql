-- $1 node bigint, $2 tickets bigint[], $3 fences bigint[]. Returns the leases that are still held.
SELECT ticket_id, fence, cancel_requested FROM swarm.heartbeat($1, $2, $3);
