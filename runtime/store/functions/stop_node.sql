-- Marks a node that ended in order.
DROP FUNCTION IF EXISTS swarm.stop_node;
CREATE FUNCTION swarm.stop_node(_node_id bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.nodes SET stopped_at = clock_timestamp() WHERE id = _node_id;
END $$;
