-- What follows when tickets have ended without being completed: nothing is waited for any more, and dependents that shall be cancelled or go on without
-- them are left to `propagate`. Answers how many pieces of work that makes. Called in the transaction that ended them,
-- with their rows locked: no edge can be added that isn't seen here.
DROP FUNCTION IF EXISTS swarm.closed;
CREATE FUNCTION swarm.closed(_ticket_ids bigint[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _pieces integer;
BEGIN
    DELETE FROM swarm.waits WHERE ticket_id = ANY (_ticket_ids);
    INSERT INTO swarm.cascade_work (parent_id, ending)
    SELECT t.id, t.final_state FROM unnest(_ticket_ids) AS g (id) JOIN swarm.tickets t ON t.id = g.id
    WHERE EXISTS (SELECT FROM swarm.dependencies d WHERE d.parent_id = t.id AND d.on_failure <> 'block')
    ORDER BY t.id;
    GET DIAGNOSTICS _pieces = ROW_COUNT;
    RETURN _pieces;
END $$;
