-- $1 graph bigint. Every ticket of a graph with its state, and the evidence of its last attempt.
SELECT t.id, t.key, t.state, t.attempts, t.attempts_max, t.claimed_by,
       (SELECT a.evidence FROM swarm.attempts a WHERE a.ticket_id = t.id ORDER BY a.started_at DESC LIMIT 1) AS evidence,
       (SELECT count(*) FROM swarm.attempts a WHERE a.ticket_id = t.id) AS ended
FROM swarm.tickets_view t
WHERE t.graph_id = $1
ORDER BY t.id;
