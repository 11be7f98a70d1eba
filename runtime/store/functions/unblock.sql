-- The cascade: releases the children of tickets that were completed by the calling transaction. More children of one
-- parent than _fan_out_max are left to `propagate`, through the work list, so that no transaction grows without bound.
DROP FUNCTION IF EXISTS swarm.unblock;
CREATE FUNCTION swarm.unblock(_completed bigint[], OUT unblocked integer, OUT handed_over integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _fan_out_max CONSTANT integer := 100;
    _parents  bigint[];
    _children bigint[];
    _large    bigint[];
BEGIN
    unblocked := 0;
    handed_over := 0;
    SELECT array_agg(c.parent_id), array_agg(d.child_id) INTO _parents, _children
    FROM unnest(_completed) AS c (parent_id)
    CROSS JOIN LATERAL (SELECT child_id FROM swarm.dependencies e
                        WHERE e.parent_id = c.parent_id AND e.counted LIMIT _fan_out_max + 1) d;
    IF _children IS NULL THEN
        RETURN;
    END IF;

    IF cardinality(_children) > _fan_out_max THEN
        WITH large AS (
            INSERT INTO swarm.cascade_work (parent_id, ending)
            SELECT p, 'completed' FROM unnest(_parents) AS p GROUP BY p HAVING count(*) > _fan_out_max
            RETURNING parent_id
        )
        SELECT array_agg(parent_id), count(*) INTO _large, handed_over FROM large;
    END IF;
    SELECT array_agg(c), array_agg(p) INTO _children, _parents FROM unnest(_parents, _children) AS e (p, c)
    WHERE _large IS NULL OR p <> ALL (_large);
    IF _children IS NOT NULL THEN
        unblocked := swarm.lower(_children, _parents);
    END IF;
END $$;
