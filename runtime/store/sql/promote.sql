-- $1 limit integer. Returns how many tickets became ready, how many schedules fired, and the time until the next one is
-- due (ms; NULL: nothing is scheduled).
SELECT promoted, fired, next_due_ms FROM swarm.promote($1);
