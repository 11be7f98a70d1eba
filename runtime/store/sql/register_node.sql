-- $1 home text (uuid), $2 name text, $3 host text, $4 pid integer, $5 version text, $6 queues text[].
SELECT node_id, dead_nodes FROM swarm.register_node($1::uuid, $2, $3, $4, $5, $6);
