-- Announces a node that starts. Returns its number, and the numbers of earlier nodes of the same home that still hold
-- leases: they are dead, because the home's lock has passed to the caller.
DROP FUNCTION IF EXISTS swarm.register_node;
CREATE FUNCTION swarm.register_node(_home_id uuid, _name text, _host text, _pid integer, _version text,
                                    _queues text[], OUT node_id bigint, OUT dead_nodes bigint[])
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    BEGIN
        PERFORM swarm.make_queues(_queues);
    EXCEPTION
        WHEN lock_not_available THEN NULL; -- somebody's open transaction makes one of them, or whoever brings it a ticket
    END;
    INSERT INTO swarm.nodes (home_id, name, host, pid, version, queues)
    VALUES (_home_id, _name, _host, _pid, _version, _queues)
    RETURNING id INTO node_id;
    dead_nodes := ARRAY(
        SELECT n.id FROM swarm.nodes n
        WHERE n.home_id = _home_id AND n.id <> node_id
          AND EXISTS (SELECT FROM swarm.leases l WHERE l.node_id = n.id));
END $$;

DROP FUNCTION IF EXISTS swarm.make_queues;
CREATE FUNCTION swarm.make_queues(_queues text[]) RETURNS void LANGUAGE plpgsql VOLATILE SET lock_timeout = '1s' AS $$
BEGIN
    -- In order: nodes that start together insert the same names, and would wait for each other.
    INSERT INTO swarm.queues (name) SELECT DISTINCT q FROM unnest(_queues) AS q ORDER BY q ON CONFLICT DO NOTHING;
END $$;
