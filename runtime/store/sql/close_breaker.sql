-- $1 route text, $2 credential text, or NULL for all. Returns how many breakers were closed.
SELECT swarm.close_breaker($1, $2);
