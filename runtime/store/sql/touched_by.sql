-- $1 ticket bigint. What its cancellation would touch.
SELECT ticket_id, key, state, effect FROM swarm.touched_by($1);
