-- The first thing that is wrong with the hash chain; no row when all is well.
SELECT seal_id, event_id, problem FROM swarm.audit_verify();
