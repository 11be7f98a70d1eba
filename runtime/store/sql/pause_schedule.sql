-- $1 name text, $2 reason text or NULL, $3 by whom text. Returns whether there is such a schedule.
SELECT swarm.pause_schedule($1, $2, $3);
