-- $1 grace bigint (ms), $2 limit integer, and the rules: $3 classes text[], $4 first pauses bigint[] (ms), $5 longest
-- pauses bigint[] (ms), $6 limits integer[]. Returns the tickets whose attempt it ended.
SELECT ticket_id, event, clock FROM swarm.expire_attempts($1, $2, $3, $4, $5, $6);
