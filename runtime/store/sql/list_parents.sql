-- $1 ticket bigint. What it needs, and in which state that is.
SELECT p.id, p.key, p.state
FROM swarm.dependencies d JOIN swarm.tickets_view p ON p.id = d.parent_id
WHERE d.child_id = $1
ORDER BY p.id;
