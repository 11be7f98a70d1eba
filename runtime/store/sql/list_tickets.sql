-- $1 graph bigint or NULL, $2 state text or NULL, $3 before ticket bigint, $4 limit integer. Newest first; the last
-- number of a page is the $3 of the next.
SELECT id, graph_id, key, queue, kind, state, attempts, attempts_max, claimed_by, created_at::text, finished_at::text,
       run_at::text, remaining, review_expires_at::text, end_reason
FROM swarm.tickets_view
WHERE ($1::bigint IS NULL OR graph_id = $1) AND ($2::text IS NULL OR state = $2) AND id < $3
ORDER BY id DESC
LIMIT $4;
