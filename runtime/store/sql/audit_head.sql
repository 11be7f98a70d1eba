-- The newest seal and how many events the chain covers; NULLs before the first.
SELECT seal_id, hash, sealed_at::text, events FROM swarm.audit_head();
