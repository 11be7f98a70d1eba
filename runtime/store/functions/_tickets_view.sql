-- The public face, with all that is known of a ticket. Applied before the functions, whenever these change, so that a
-- migration that adds a column has nothing to repeat. New columns come last: others have views that build on this one.
CREATE OR REPLACE VIEW swarm.tickets_view AS
SELECT t.id, t.graph_id, t.key, q.name AS queue, t.kind, t.priority, t.attempts, t.attempts_max, t.infra_retries,
       t.check_retries, t.throttles, t.auth_denials, t.budget_denials, t.reclaims, t.timeout_ms, t.queue_timeout_ms,
       t.start_timeout_ms, t.progress_timeout_ms, t.deadline_at,
       coalesce(t.payload, (SELECT b.body FROM swarm.blobs b WHERE b.hash = t.payload_hash)) AS payload,
       t.created_at, t.finished_at, t.spawned_by, t.depth, t.group_key, t.unique_key,
       CASE WHEN t.final_state IS NOT NULL THEN t.final_state::text
            WHEN l.ticket_id IS NOT NULL THEN 'in_progress'
            WHEN r.ticket_id IS NOT NULL THEN 'ready'
            WHEN s.ticket_id IS NOT NULL AND o.ticket_id IS NOT NULL THEN 'waiting'
            WHEN s.ticket_id IS NOT NULL THEN 'scheduled'
            WHEN b.ticket_id IS NOT NULL THEN 'blocked'
            WHEN w.ticket_id IS NOT NULL THEN 'in_review'
       END AS state,
       b.remaining, coalesce(s.run_at, t.run_at) AS run_at, r.queued_at, r.expires_at, l.fence, n.name AS claimed_by,
       l.claimed_at, l.started_at, l.progress, l.progress_at, l.last_heartbeat, l.heartbeat_count,
       l.deadline_at AS attempt_deadline_at, l.cancel_requested_at,
       w.attempt AS review_attempt, w.reason AS review_reason, w.asked_at AS review_asked_at, w.expires_at AS review_expires_at,
       t.end_reason, t.route, t.profile,
       o.since AS waiting_since, o.reason AS waiting_for, o.looks AS waiting_looks, o.ends_at AS waiting_ends_at
FROM swarm.tickets t
JOIN swarm.queues q ON q.id = t.queue_id
LEFT JOIN swarm.leases l ON l.ticket_id = t.id
LEFT JOIN swarm.nodes n ON n.id = l.node_id
LEFT JOIN swarm.ready r ON r.ticket_id = t.id
LEFT JOIN swarm.scheduled s ON s.ticket_id = t.id
LEFT JOIN swarm.blocked b ON b.ticket_id = t.id
LEFT JOIN swarm.reviews w ON w.ticket_id = t.id
LEFT JOIN swarm.waits o ON o.ticket_id = t.id;
