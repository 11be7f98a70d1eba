-- Moves due tickets from `scheduled` to `ready`. Any number of schedulers may run.
DROP FUNCTION IF EXISTS swarm.promote;
CREATE FUNCTION swarm.promote(_limit integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _promoted integer;
BEGIN
    WITH due AS MATERIALIZED (
        DELETE FROM swarm.scheduled s
        WHERE s.ctid = ANY (ARRAY(
            SELECT ctid FROM swarm.scheduled WHERE run_at <= clock_timestamp()
            ORDER BY run_at LIMIT _limit
            FOR UPDATE SKIP LOCKED))
        RETURNING s.*
    ), queued AS (
        INSERT INTO swarm.ready (queue_id, priority, ticket_id)
        SELECT queue_id, priority, ticket_id FROM due ORDER BY run_at
        RETURNING ticket_id
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind) SELECT ticket_id, 'promoted' FROM queued
    )
    SELECT count(*) INTO _promoted FROM queued;
    RETURN _promoted;
END $$;
