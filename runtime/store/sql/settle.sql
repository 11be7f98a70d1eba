-- $1 tickets bigint[], $2 fences bigint[], $3 classes text[], $4 clocks text[], $5 retry after bigint[] (ms),
-- $6 evidence text[], $7 exit codes integer[], $8 outputs bytea[], $9 bytes written bigint[], and the rules: $10 classes
-- text[], $11 first pauses bigint[] (ms), $12 longest pauses bigint[] (ms), $13 limits integer[]; $14 details text[] (JSON objects
-- or NULL), $15 the longest stretch of transient ends bigint (ms; 0: any), $16 news of routes text[] (JSON objects or NULL), or
-- NULL when there are none; $17 signatures of failures text[], likewise. Returns an answer per ticket: ok, again or lost.
SELECT ticket_id, fence, answer, event, delay_ms, unblocked, handed_over
FROM swarm.settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, true, $14, $15, $16, $17);
