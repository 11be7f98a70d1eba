-- Takes one piece off the cascade's work list and brings it to up to _limit dependents, in order. How far it has come
-- is written with what it did, so a crash repeats nothing and skips nothing. Any number of cascades may run.
--   completed          -> counters go down
--   failed, cancelled  -> edges that ignore it stop counting; dependents that shall be cancelled are, a running one on
--                         request; edges that block are left alone
-- A piece with a dependent that somebody's open transaction holds goes to the end of the list after a moment, and the
-- caller hears that there is nothing more to do now.
DROP FUNCTION IF EXISTS swarm.propagate;
CREATE FUNCTION swarm.propagate(_limit integer)
RETURNS TABLE (pieces integer, dependents integer, unblocked integer, cancelled integer)
LANGUAGE plpgsql VOLATILE SET lock_timeout = '200ms' AS $$
DECLARE
    _work swarm.cascade_work;
BEGIN
    pieces := 0; dependents := 0; unblocked := 0; cancelled := 0;
    SELECT * INTO _work FROM swarm.cascade_work ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NEXT;
        RETURN;
    END IF;
    pieces := 1;
    BEGIN
        SELECT s.dependents, s.unblocked, s.cancelled INTO dependents, unblocked, cancelled
        FROM swarm.propagate_slice(_work, _limit) s;
    EXCEPTION WHEN lock_not_available THEN
        UPDATE swarm.cascade_work SET id = DEFAULT WHERE id = _work.id;
        pieces := 0;
    END;
    RETURN NEXT;
END $$;

DROP FUNCTION IF EXISTS swarm.propagate_slice;
CREATE FUNCTION swarm.propagate_slice(_work swarm.cascade_work, _limit integer, OUT dependents integer,
                                      OUT unblocked integer, OUT cancelled integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _children bigint[];
    _left     bigint[] := '{}'; -- were claimed while we looked: for the next slice
BEGIN
    unblocked := 0; cancelled := 0;
    _children := ARRAY(SELECT child_id FROM swarm.dependencies
                       WHERE parent_id = _work.parent_id AND child_id > _work.after_child
                       ORDER BY child_id LIMIT _limit);
    dependents := cardinality(_children);

    IF _work.ending = 'completed' THEN
        SELECT l.unblocked INTO unblocked FROM (
            SELECT swarm.lower(coalesce(array_agg(child_id), '{}'), coalesce(array_agg(parent_id), '{}')) AS unblocked
            FROM swarm.dependencies
            WHERE parent_id = _work.parent_id AND child_id = ANY (_children) AND counted) l;
    ELSIF dependents > 0 THEN
        SELECT p.unblocked, p.cancelled, p.claimed INTO unblocked, cancelled, _left
        FROM swarm.propagate_failure(_work.parent_id, _children) p;
    END IF;

    IF dependents < _limit AND cardinality(_left) = 0 THEN
        DELETE FROM swarm.cascade_work WHERE id = _work.id;
    ELSE
        UPDATE swarm.cascade_work
        SET after_child = CASE WHEN cardinality(_left) > 0 THEN (SELECT min(c) - 1 FROM unnest(_left) AS c)
                               ELSE _children[dependents] END
        WHERE id = _work.id;
    END IF;
END $$;

DROP FUNCTION IF EXISTS swarm.propagate_failure;
CREATE FUNCTION swarm.propagate_failure(_parent_id bigint, _children bigint[], OUT unblocked integer,
                                        OUT cancelled integer, OUT claimed bigint[])
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _state    swarm.final_state;
    _cause    jsonb;
    _doomed   bigint[];
    _running  bigint[];
    _ended    bigint[];
    _released bigint[];
BEGIN
    unblocked := 0; cancelled := 0; claimed := '{}';
    -- Whom to cancel: leases are locked before tickets, so the running ones come first.
    _doomed := ARRAY(SELECT child_id FROM swarm.dependencies
                     WHERE parent_id = _parent_id AND child_id = ANY (_children) AND on_failure = 'cancel');
    PERFORM FROM swarm.leases WHERE ticket_id = ANY (_doomed) ORDER BY ticket_id FOR UPDATE;
    -- By number, like everybody: the parent of an edge that was added later may be the younger one.
    PERFORM FROM swarm.tickets WHERE id = ANY (_doomed || _parent_id) ORDER BY id FOR UPDATE;
    -- Retried meanwhile: it isn't failed any more, and whoever depends on it waits for it again.
    SELECT final_state INTO _state FROM swarm.tickets WHERE id = _parent_id;
    IF _state IS NULL OR _state = 'completed' THEN
        RETURN;
    END IF;
    -- All counters of this slice at once: a settlement may be on its way through the same ones.
    PERFORM FROM swarm.blocked
    WHERE ticket_id = ANY (ARRAY(SELECT child_id FROM swarm.dependencies
                                 WHERE parent_id = _parent_id AND child_id = ANY (_children) AND on_failure <> 'block'))
    ORDER BY ticket_id FOR UPDATE;
    _cause := jsonb_build_object('cause', 'parent', 'parent', _parent_id, 'parent_state', _state);

    WITH asked AS (
        UPDATE swarm.leases SET cancel_requested_at = clock_timestamp()
        WHERE ticket_id = ANY (_doomed) AND cancel_requested_at IS NULL
        RETURNING ticket_id
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, data)
        SELECT ticket_id, 'cancel_requested', _cause FROM asked ORDER BY ticket_id
    )
    SELECT coalesce(array_agg(ticket_id), '{}') INTO _running FROM asked;
    _ended := swarm.end_waiting(_doomed, 'cancelled', _cause);
    cancelled := cardinality(_running) + cardinality(_ended);
    claimed := ARRAY(SELECT l.ticket_id FROM swarm.leases l
                     WHERE l.ticket_id = ANY (_doomed) AND l.cancel_requested_at IS NULL);

    WITH ignored AS (
        UPDATE swarm.dependencies SET counted = false
        WHERE parent_id = _parent_id AND child_id = ANY (_children) AND on_failure = 'ignore' AND counted
        RETURNING child_id
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, data)
        SELECT child_id, 'dependency_ignored', _cause FROM ignored ORDER BY child_id
    )
    SELECT coalesce(array_agg(child_id), '{}') INTO _released FROM ignored;
    unblocked := swarm.lower(_released, array_fill(_parent_id, ARRAY[cardinality(_released)]));
END $$;
