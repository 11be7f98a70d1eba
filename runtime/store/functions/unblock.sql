-- The cascade: releases the children of tickets that were completed by the calling transaction. Each child's counter
-- goes down once per completed parent, under the child's own row lock; at zero the child moves to `ready`.
-- Grouped by child, because an UPDATE with a join changes a row once however many parents match; locked in order,
-- because overlapping fan-ins would deadlock otherwise.
CREATE OR REPLACE FUNCTION swarm.unblock(_completed bigint[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _unblocked integer;
BEGIN
    WITH edges AS MATERIALIZED (
        SELECT child_id, count(*)::integer AS parents FROM swarm.dependencies
        WHERE parent_id = ANY (_completed) GROUP BY child_id
    ), held AS MATERIALIZED (
        SELECT b.*, e.parents FROM edges e JOIN swarm.blocked b ON b.ticket_id = e.child_id
        ORDER BY b.ticket_id
        FOR UPDATE OF b
    ), lowered AS (
        UPDATE swarm.blocked b SET remaining = b.remaining - h.parents
        FROM held h WHERE b.ticket_id = h.ticket_id AND h.remaining > h.parents
    ), released AS (
        DELETE FROM swarm.blocked b USING held h WHERE b.ticket_id = h.ticket_id AND h.remaining <= h.parents
    ), queued AS (
        INSERT INTO swarm.ready (queue_id, priority, ticket_id)
        SELECT queue_id, priority, ticket_id FROM held WHERE remaining <= parents ORDER BY ticket_id
        RETURNING ticket_id
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind) SELECT ticket_id, 'unblocked' FROM queued
    )
    SELECT count(*) INTO _unblocked FROM queued;
    RETURN _unblocked;
END $$;
