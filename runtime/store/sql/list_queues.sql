-- Every queue with its settings and what is in it. Waiting tickets are counted up to a hundred thousand.
SELECT q.name,
       (SELECT count(*) FROM (SELECT FROM swarm.ready r WHERE r.queue_id = q.id LIMIT 100000) x) AS ready,
       (SELECT count(*) FROM swarm.leases l WHERE l.queue_id = q.id) AS in_progress,
       q.slots, q.slots_per_node, q.slots_per_key, q.ageing_ms, q.is_fair, q.paused_at::text, q.paused_by, q.pause_reason,
       q.command_limits::text
FROM swarm.queues q ORDER BY q.name;
