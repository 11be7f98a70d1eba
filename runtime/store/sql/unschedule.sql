-- $1 name text. Returns whether there was such a schedule.
SELECT swarm.unschedule($1);
