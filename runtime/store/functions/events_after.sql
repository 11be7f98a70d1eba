-- The next events of the log for somebody who follows it, after the place (_xid, _id) where he stands; (0, 0) is the
-- beginning. In the order of transactions, and only up to the oldest one that still runs: an event that is committed late
-- is never passed over, as it would be by its number.
DROP FUNCTION IF EXISTS swarm.events_after;
CREATE FUNCTION swarm.events_after(_xid xid8, _id bigint, _limit integer) RETURNS SETOF swarm.ticket_events
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT e.* FROM swarm.ticket_events e
    WHERE (e.xid, e.id) > (_xid, _id) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.xid, e.id LIMIT _limit;
END $$;
