-- For queues with slots per group key: the first tickets of each group, and those without one, however many wait before them.
CREATE INDEX ready_by_group ON swarm.ready (queue_id, group_key, rank, seq);
