-- How many parents a ticket waits for: those that are counted and not completed, and those whose completion the cascade
-- has yet to bring to this ticket.
DROP FUNCTION IF EXISTS swarm.open_parents;
CREATE FUNCTION swarm.open_parents(_child_id bigint) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer
    FROM swarm.dependencies d JOIN swarm.tickets p ON p.id = d.parent_id
    WHERE d.child_id = _child_id AND d.counted
      AND (p.final_state IS DISTINCT FROM 'completed'
           OR EXISTS (SELECT FROM swarm.cascade_work w
                      WHERE w.parent_id = p.id AND w.ending = 'completed' AND w.after_child < _child_id));
$$;
