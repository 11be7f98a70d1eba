-- A counter for each class that puts a ticket off, what becomes of an edge in the log, and pauses of schedules.

ALTER TYPE swarm.event_kind ADD VALUE 'dependency_added';   -- on a parent that nothing is waited for
ALTER TYPE swarm.event_kind ADD VALUE 'dependency_ignored'; -- its parent has failed and isn't waited for any more

DROP VIEW swarm.tickets_view;
ALTER TABLE swarm.tickets RENAME deferrals TO throttles; -- attempts that a rate limit put off
ALTER TABLE swarm.tickets
    ADD auth_denials   smallint NOT NULL DEFAULT 0, -- ... a refused credential
    ADD budget_denials smallint NOT NULL DEFAULT 0; -- ... an exhausted budget
UPDATE swarm.tickets t
SET throttles = c.throttles, auth_denials = c.auth_denials, budget_denials = c.budget_denials
FROM (SELECT e.ticket_id, count(*) FILTER (WHERE e.data ->> 'class' = 'throttled') AS throttles,
             count(*) FILTER (WHERE e.data ->> 'class' = 'auth') AS auth_denials,
             count(*) FILTER (WHERE e.data ->> 'class' = 'budget') AS budget_denials
      FROM swarm.tickets p JOIN swarm.ticket_events e ON e.ticket_id = p.id
      WHERE p.throttles > 0
        AND e.id > coalesce((SELECT max(r.id) FROM swarm.ticket_events r
                             WHERE r.ticket_id = p.id AND r.kind = 'retried'), 0)
      GROUP BY e.ticket_id) c
WHERE c.ticket_id = t.id;

-- Edges that stopped counting without an event: the log of their tickets isn't whole.
UPDATE swarm.pruning SET whole_after = greatest(whole_after, (SELECT max(child_id) FROM swarm.dependencies WHERE NOT counted));

ALTER TABLE swarm.schedules
    ADD paused_by    text,
    ADD pause_reason text,
    ADD CONSTRAINT schedule_paused_by_somebody CHECK ((paused_at IS NULL) = (paused_by IS NULL)),
    ADD CONSTRAINT paused_fires_never CHECK (paused_at IS NULL OR next_at IS NULL);

CREATE INDEX tickets_by_blob ON swarm.tickets (payload_hash) WHERE payload_hash IS NOT NULL; -- prune

-- The public face, with all that is known of a ticket.
CREATE VIEW swarm.tickets_view AS
SELECT t.id, t.graph_id, t.key, q.name AS queue, t.kind, t.priority, t.attempts, t.attempts_max, t.infra_retries,
       t.check_retries, t.throttles, t.auth_denials, t.budget_denials, t.reclaims, t.timeout_ms, t.queue_timeout_ms,
       t.start_timeout_ms, t.progress_timeout_ms, t.deadline_at,
       coalesce(t.payload, (SELECT b.body FROM swarm.blobs b WHERE b.hash = t.payload_hash)) AS payload,
       t.created_at, t.finished_at, t.spawned_by, t.depth, t.group_key, t.unique_key,
       CASE WHEN t.final_state IS NOT NULL THEN t.final_state::text
            WHEN l.ticket_id IS NOT NULL THEN 'in_progress'
            WHEN r.ticket_id IS NOT NULL THEN 'ready'
            WHEN s.ticket_id IS NOT NULL THEN 'scheduled'
            WHEN b.ticket_id IS NOT NULL THEN 'blocked'
       END AS state,
       b.remaining, coalesce(s.run_at, t.run_at) AS run_at, r.queued_at, r.expires_at, l.fence, n.name AS claimed_by,
       l.claimed_at, l.started_at, l.progress, l.progress_at, l.last_heartbeat, l.heartbeat_count,
       l.deadline_at AS attempt_deadline_at, l.cancel_requested_at
FROM swarm.tickets t
JOIN swarm.queues q ON q.id = t.queue_id
LEFT JOIN swarm.leases l ON l.ticket_id = t.id
LEFT JOIN swarm.nodes n ON n.id = l.node_id
LEFT JOIN swarm.ready r ON r.ticket_id = t.id
LEFT JOIN swarm.scheduled s ON s.ticket_id = t.id
LEFT JOIN swarm.blocked b ON b.ticket_id = t.id;
