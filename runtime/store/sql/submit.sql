-- $1 graph text, $2 keys text[], $3 queues text[], $4 kinds text[], $5 priorities smallint[], $6 attempts smallint[],
-- $7 timeouts bigint[] (ms), $8 payloads text[] (JSON), $9 parents integer[], $10 children integer[] (positions from 1).
SELECT graph_id, ticket_ids FROM swarm.submit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
