-- $1 node bigint. Marks a node that ended in order.
UPDATE swarm.nodes SET stopped_at = clock_timestamp() WHERE id = $1;
