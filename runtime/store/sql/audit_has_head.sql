-- $1 hash text (hex). Whether a head that was kept elsewhere is part of the chain.
SELECT swarm.audit_has_head($1);
