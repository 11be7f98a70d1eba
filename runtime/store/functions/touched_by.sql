-- What the end of a ticket would touch if it didn't complete: the dependents that would be cancelled, those that would go
-- on without it, and those that would wait for ever, down the line. Changes nothing.
CREATE OR REPLACE FUNCTION swarm.touched_by(_ticket_id bigint) RETURNS TABLE (ticket_id bigint, key text, state text, effect text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    -- Whoever is cancelled cancels, stops or lets go; whoever waits for ever stops all that need it, whatever they would do
    -- at its end: that doesn't come.
    WITH RECURSIVE touched (id, parent_id, is_cancelled, on_failure) AS (
        SELECT _ticket_id, NULL::bigint, true, 'cancel'::swarm.edge_policy
        UNION
        SELECT d.child_id, p.id, p.is_cancelled AND d.on_failure = 'cancel',
               CASE WHEN p.is_cancelled THEN d.on_failure ELSE 'block' END
        FROM touched p
        JOIN swarm.dependencies d ON d.parent_id = p.id AND d.counted
        JOIN swarm.tickets t ON t.id = d.child_id AND t.final_state IS NULL
        WHERE p.is_cancelled OR p.on_failure = 'block'
    )
    SELECT t.id, t.key, t.state,
           CASE WHEN bool_or(d.is_cancelled) THEN 'cancelled'
                WHEN bool_or(d.on_failure = 'block') THEN 'left waiting'
                ELSE 'goes on' END
    FROM touched d
    JOIN swarm.tickets_view t ON t.id = d.id
    WHERE t.state NOT IN ('completed', 'failed', 'cancelled')
    GROUP BY t.id, t.key, t.state
    ORDER BY t.id;
END $$;
