-- $1 limit integer. Returns what one slice of the cascade's work list came to.
SELECT pieces, dependents, unblocked, cancelled FROM swarm.propagate($1);
