-- $1 queue text, $2 limit integer, $3 node bigint. Returns the claimed tickets, most urgent first.
SELECT ticket_id, fence, attempt, attempts_max, graph_id, key, kind, payload, timeout_ms FROM swarm.claim($1, $2, $3);
