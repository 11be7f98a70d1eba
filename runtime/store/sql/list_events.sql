-- $1 ticket bigint. Its history, oldest first.
SELECT e.id, e.ticket_id, e.at::text, e.kind::text, e.attempt, e.fence, n.name AS node, e.data::text
FROM swarm.ticket_events e LEFT JOIN swarm.nodes n ON n.id = e.node_id
WHERE e.ticket_id = $1
ORDER BY e.id;
