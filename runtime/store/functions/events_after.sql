-- The next events of the log for somebody who follows it, after the place (_xid, _id) where he stands; ('0', 0) is the
-- beginning. In the order of transactions, and only up to the oldest one that still runs: an event that is committed late
-- is never passed over, as it would be by its number. May answer fewer than there are; nothing only when there is nothing.
DROP FUNCTION IF EXISTS swarm.events_after;
CREATE FUNCTION swarm.events_after(_xid xid8, _id bigint, _limit integer) RETURNS SETOF swarm.ticket_events
LANGUAGE plpgsql STABLE SET enable_bitmapscan = on SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    _next swarm.seals;
    _low  bigint;
    _high bigint;
BEGIN
    LOOP
        -- The log is indexed by number alone. Seals tell which numbers to look at, or each page would read all of it.
        SELECT * INTO _next FROM swarm.seals s WHERE (s.last_xid, s.last_id) > (_xid, _id)
        ORDER BY s.last_xid, s.last_id LIMIT 1;
        IF FOUND THEN
            SELECT min(i), max(i) INTO _low, _high FROM unnest(_next.event_ids) AS i;
        ELSE
            -- Behind the last seal, as `seal` itself finds it.
            _low := coalesce((SELECT s.sequence_at FROM swarm.seals s WHERE s.snapshot_xmax <= _xid
                              ORDER BY s.id DESC LIMIT 1), 0) - 1000;
        END IF;
        RETURN QUERY
        SELECT e.* FROM swarm.ticket_events e
        WHERE e.id >= _low AND e.id <= coalesce(_high, 9223372036854775807)
          AND (e.xid, e.id) > (_xid, _id) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
          AND (_next.id IS NULL OR (e.xid, e.id) <= (_next.last_xid, _next.last_id))
        ORDER BY e.xid, e.id LIMIT _limit;
        EXIT WHEN FOUND OR _next.id IS NULL;
        -- What this seal holds has been pruned: on to the next.
        _xid := _next.last_xid;
        _id := _next.last_id;
        _high := NULL;
    END LOOP;
END $$;
