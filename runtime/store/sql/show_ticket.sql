-- $1 ticket bigint. The ticket with everything that the table which holds it knows.
SELECT id, graph_id, key, queue, kind, state, priority, attempts, attempts_max, infra_retries, check_retries, reclaims,
       timeout_ms, payload::text, created_at::text, finished_at::text, run_at::text, remaining, fence, claimed_by,
       claimed_at::text, last_heartbeat::text, heartbeat_count, attempt_deadline_at::text, cancel_requested_at::text,
       review_reason, review_asked_at::text, review_expires_at::text, end_reason, profile, waiting_since::text, waiting_for,
       waiting_looks, waiting_ends_at::text
FROM swarm.tickets_view
WHERE id = $1;
