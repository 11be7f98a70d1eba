-- $1 route text, $2 credential text, $3 requests integer, $4 input tokens bigint, $5 output tokens bigint (a minute),
-- $6 attempts at once integer; 0 where there is no limit. Returns whether there is a limit now.
SELECT swarm.set_limit($1, $2, nullif($3::integer, 0), nullif($4::bigint, 0), nullif($5::bigint, 0), nullif($6::integer, 0));
