-- Every schedule, when it fires next, the last ticket that it brought, why its last moment brought none, and who paused it.
SELECT s.name, s.cron, s.time_zone, s.next_at::text, f.fire_at::text, f.ticket_id, s.ticket::text, s.last_failure,
       s.paused_at::text, s.paused_by, s.pause_reason
FROM swarm.schedules s
LEFT JOIN LATERAL (SELECT fire_at, ticket_id FROM swarm.firings f WHERE f.schedule_id = s.id
                   ORDER BY fire_at DESC LIMIT 1) f ON true
ORDER BY s.name;
