-- $1 limit integer. Returns how many events were sealed, and the number of the newest seal.
SELECT sealed, last_seal FROM swarm.seal($1);
