-- $1 stale after bigint (ms), $2 dead nodes bigint[], $3 limit integer, $4 reclaims allowed integer. Returns the tickets
-- that were taken away, and what became of each.
SELECT ticket_id, fence, event FROM swarm.reclaim($1, $2, $3, $4);
