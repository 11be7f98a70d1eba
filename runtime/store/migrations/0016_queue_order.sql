-- For queues with slots per group key: the first tickets of each group, and those without one, however many wait before them.
CREATE INDEX ready_by_group ON swarm.ready (queue_id, group_key, rank, seq);

-- Set while tickets may wait there with ranks of an order that was changed; see mend_order.
ALTER TABLE swarm.queues ADD reordered xid8;
