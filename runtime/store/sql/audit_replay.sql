-- Where the log and the tables disagree: the ticket, what the log says, what the table says.
SELECT ticket_id, log, "table" FROM swarm.audit_replay();
