-- $1 queue text, $2 slots, $3 slots per node, $4 slots per key integer, $5 ageing bigint (ms), $6 fair boolean; 0 where
-- there is none; $7 limits of commands jsonb or NULL.
SELECT swarm.configure_queue($1, nullif($2, 0), nullif($3, 0), nullif($4, 0),
                             make_interval(secs => nullif($5::bigint, 0) / 1000.0), $6, $7::jsonb);
