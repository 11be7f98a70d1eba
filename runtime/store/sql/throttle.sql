-- $1 ticket bigint, $2 fence bigint, $3 what was said text (a JSON object, see hear.sql). Returns whether it was heard.
SELECT swarm.throttle($1, $2, $3);
