-- $1 name text. Returns whether there is such a schedule.
SELECT swarm.resume_schedule($1);
