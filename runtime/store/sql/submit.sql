-- $1 graph text, $2 keys text[], $3 queues text[], $4 kinds text[], $5 priorities smallint[], $6 attempts smallint[],
-- $7 timeouts bigint[] (ms), $8 payloads text[] (JSON), $9 extras text[] (JSON or NULL), $10 parents bigint[],
-- $11 children integer[] (positions from 1), $12 policies text[].
SELECT graph_id, ticket_ids
FROM swarm.submit($1, $2, $3, $4, $5, $6, $7, $8, $9::text[]::jsonb[], $10, $11, $12, NULL, 0::smallint);
