-- Submits what schedules demand, then moves due tickets from `scheduled` to `ready`. Any number of schedulers may run.
-- Says when the next one is due, in milliseconds from now; NULL when nothing is scheduled. A table of one row, because a
-- record can't be returned any more when the function was replaced while it ran.
DROP FUNCTION IF EXISTS swarm.promote;
CREATE FUNCTION swarm.promote(_limit integer)
RETURNS TABLE (promoted integer, fired integer, next_due_ms bigint)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _due bigint[];
BEGIN
    fired := swarm.fire(_limit);
    WITH due AS MATERIALIZED (
        DELETE FROM swarm.scheduled s
        WHERE s.ctid = ANY (ARRAY(
            SELECT ctid FROM swarm.scheduled WHERE run_at <= clock_timestamp()
            ORDER BY run_at LIMIT _limit
            FOR UPDATE SKIP LOCKED))
        RETURNING s.*
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind) SELECT ticket_id, 'promoted' FROM due ORDER BY run_at
    )
    SELECT coalesce(array_agg(ticket_id ORDER BY run_at), '{}') INTO _due FROM due;
    promoted := cardinality(_due);
    IF promoted > 0 THEN
        PERFORM swarm.make_ready(_due);
    END IF;
    -- Not sooner than in a moment; and what is due and could not be had is in the hands of another scheduler, or of
    -- somebody who may take his time.
    next_due_ms := ceil(extract(epoch FROM least(
        (SELECT run_at FROM swarm.scheduled ORDER BY run_at LIMIT 1),
        (SELECT next_at FROM swarm.schedules WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1))
        - clock_timestamp()) * 1000);
    IF next_due_ms < 10 THEN
        next_due_ms := CASE WHEN promoted + fired > 0 THEN 10 ELSE 200 END;
    END IF;
    RETURN NEXT;
END $$;
