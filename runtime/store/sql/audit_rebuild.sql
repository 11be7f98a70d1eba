-- $1 schema text, empty or new. Writes into it what the log says; returns how many tickets that makes.
SELECT swarm.audit_rebuild($1);
