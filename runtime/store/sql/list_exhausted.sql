-- $1 after ticket bigint, $2 limit integer. Tickets that failed because trouble that isn't theirs lasted too long.
SELECT id FROM swarm.tickets WHERE end_reason = 'infra_exhausted' AND id > $1 ORDER BY id LIMIT $2;
