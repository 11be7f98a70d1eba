-- $1 node bigint. Marks a node that ended in order.
SELECT swarm.stop_node($1);
