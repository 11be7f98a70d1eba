-- What the end of a ticket would touch if it didn't complete: the dependents that would be cancelled, those that would go
-- on without it, and those that would wait for ever, down the line. Changes nothing.
DROP FUNCTION IF EXISTS swarm.touched_by;
CREATE FUNCTION swarm.touched_by(_ticket_id bigint) RETURNS TABLE (ticket_id bigint, key text, state text, effect text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE doomed (id) AS (
        SELECT _ticket_id
        UNION
        SELECT d.child_id FROM doomed p JOIN swarm.dependencies d ON d.parent_id = p.id
        JOIN swarm.tickets t ON t.id = d.child_id
        WHERE d.on_failure = 'cancel' AND t.final_state IS NULL
    )
    SELECT t.id, t.key, t.state,
           CASE WHEN t.id = _ticket_id THEN 'cancelled'
                WHEN bool_or(d.on_failure = 'cancel') THEN 'cancelled'
                WHEN bool_or(d.on_failure = 'block') THEN 'left waiting'
                ELSE 'goes on' END
    FROM (SELECT d.parent_id, d.child_id, d.on_failure FROM doomed p JOIN swarm.dependencies d ON d.parent_id = p.id
          WHERE d.counted
          UNION ALL SELECT NULL, _ticket_id, NULL) d
    JOIN swarm.tickets_view t ON t.id = d.child_id
    WHERE t.state NOT IN ('completed', 'failed', 'cancelled')
    GROUP BY t.id, t.key, t.state
    ORDER BY t.id;
END $$;
