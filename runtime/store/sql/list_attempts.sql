-- $1 ticket bigint. How its attempts ended, oldest first.
SELECT a.attempt, a.fence, n.name AS node, a.class, a.evidence, a.exit_code, a.output, a.output_bytes,
       a.started_at::text, a.ended_at::text, a.details::text, a.signature
FROM swarm.attempts a JOIN swarm.nodes n ON n.id = a.node_id
WHERE a.ticket_id = $1
ORDER BY a.ended_at;
