-- $1 how long history is kept bigint (ms), $2 limit integer. Returns how many tickets and days of events are gone.
SELECT tickets, partitions FROM swarm.prune($1, $2);
