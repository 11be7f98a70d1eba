-- $1 tickets bigint[], $2 fences bigint[], $3 classes text[], $4 evidence text[], $5 exit codes integer[],
-- $6 outputs bytea[], $7 bytes written bigint[], $8 first backoff bigint (ms), $9 longest backoff bigint (ms),
-- $10 infra retries integer, $11 check retries integer. Returns an answer per ticket: ok, again or lost.
SELECT ticket_id, fence, answer, event, delay_ms, unblocked
FROM swarm.settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);
