-- $1 after ticket bigint, $2 limit integer. Returns what the check of that slice of blocked tickets found.
SELECT checked, repaired, unblocked, last_ticket_id FROM swarm.cascade($1, $2);
