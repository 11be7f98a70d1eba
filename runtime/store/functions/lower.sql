-- Lowers the counters of blocked tickets, once for each time that they are named, with the parent beside it that ended; at
-- zero a ticket becomes ready, and the event names the (last) parent that did it. Under
-- the ticket's own row lock, so that of two parents which complete at once the second one sees the first.
-- Grouped by child, because an UPDATE with a join changes a row once however many parents match; locked in order,
-- because overlapping fan-ins would deadlock otherwise.
DROP FUNCTION IF EXISTS swarm.lower;
CREATE FUNCTION swarm.lower(_children bigint[], _parents bigint[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _released bigint[];
    _actor    CONSTANT text := swarm.actor();
BEGIN
    IF cardinality(_children) = 0 THEN
        RETURN 0;
    END IF;
    WITH edges AS MATERIALIZED (
        SELECT child_id, count(*)::integer AS parents, max(parent_id) AS parent_id
        FROM unnest(_children, _parents) AS c (child_id, parent_id) GROUP BY child_id
    ), held AS MATERIALIZED (
        SELECT b.*, e.parents, e.parent_id FROM edges e JOIN swarm.blocked b ON b.ticket_id = e.child_id
        ORDER BY b.ticket_id
        FOR UPDATE OF b
    ), lowered AS (
        UPDATE swarm.blocked b SET remaining = b.remaining - h.parents
        FROM held h WHERE b.ticket_id = h.ticket_id AND h.remaining > h.parents
    ), released AS (
        DELETE FROM swarm.blocked b USING held h WHERE b.ticket_id = h.ticket_id AND h.remaining <= h.parents
        RETURNING b.ticket_id
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, actor, data)
        SELECT ticket_id, 'unblocked', _actor, jsonb_build_object('parent', parent_id) FROM held WHERE remaining <= parents ORDER BY ticket_id
    )
    SELECT coalesce(array_agg(ticket_id ORDER BY ticket_id), '{}') INTO _released FROM released;
    PERFORM swarm.make_ready(_released);
    RETURN cardinality(_released);
END $$;
