-- $1 clock text (queue, review or deadline), $2 limit integer. Returns how many tickets failed.
SELECT swarm.expire_waiting($1, $2);
