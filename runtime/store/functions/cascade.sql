-- The net under the cascade: re-derives the counters of up to _limit blocked tickets after _after from their edges, and
-- repairs what differs, with an event each. Finding something means that there is a bug elsewhere.
DROP FUNCTION IF EXISTS swarm.cascade;
CREATE FUNCTION swarm.cascade(_after bigint, _limit integer)
RETURNS TABLE (checked integer, repaired integer, unblocked integer, last_ticket_id bigint)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _held     bigint[];
    _released bigint[];
BEGIN
    PERFORM swarm.mend_order();
    _held := ARRAY(SELECT ticket_id FROM swarm.blocked WHERE ticket_id > _after ORDER BY ticket_id LIMIT _limit
                   FOR UPDATE SKIP LOCKED);
    checked := cardinality(_held);
    last_ticket_id := coalesce(_held[checked], 0);

    -- A second statement, with the locks held and a snapshot of its own: a parent that completes now waits for our
    -- lock, so its completion and its decrement are either both visible here or neither.
    WITH derived AS MATERIALIZED (
        SELECT b.ticket_id, b.remaining,
               swarm.open_parents(b.ticket_id) AS unfinished
        FROM unnest(_held) AS h (ticket_id) JOIN swarm.blocked b ON b.ticket_id = h.ticket_id
    ), wrong AS MATERIALIZED (
        SELECT * FROM derived WHERE unfinished <> remaining
    ), corrected AS (
        UPDATE swarm.blocked b SET remaining = w.unfinished
        FROM wrong w WHERE b.ticket_id = w.ticket_id AND w.unfinished > 0
    ), released AS (
        DELETE FROM swarm.blocked b USING wrong w WHERE b.ticket_id = w.ticket_id AND w.unfinished = 0
        RETURNING b.ticket_id
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, data)
        SELECT ticket_id, CASE WHEN unfinished = 0 THEN 'unblocked' ELSE 'repaired' END::swarm.event_kind,
               jsonb_build_object('cause', 'cascade', 'remaining', remaining, 'derived', unfinished)
        FROM wrong
    )
    SELECT (SELECT count(*) FROM wrong),
           (SELECT coalesce(array_agg(ticket_id ORDER BY ticket_id), '{}') FROM released)
    INTO repaired, _released;
    unblocked := cardinality(_released);
    PERFORM swarm.make_ready(_released);
    RETURN NEXT;
END $$;
