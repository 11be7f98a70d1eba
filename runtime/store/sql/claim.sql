-- $1 queue text, $2 limit integer, $3 node bigint, how far the claimer has come: $4 priorities bigint[], $5 seqs bigint[],
-- and $6 the short hashes of the credentials that the node works with text[]. Returns the claimed tickets, most urgent first.
SELECT ticket_id, fence, attempt, attempts_max, graph_id, key, kind, payload, timeout_ms, deadline_clock,
       start_timeout_ms, progress_timeout_ms, rank, seq, last_failure, results, checks_changed, profile, last_prompt,
       continuation, timeouts_in_row, overtakes
FROM swarm.claim($1, $2, $3, $4, $5, $6);
