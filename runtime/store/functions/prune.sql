-- Removes history: up to _limit tickets that ended longer ago than _keep_ms, with what hangs on them; and days of the event
-- log that are older and that no ticket needs which is still there. Makes the partitions of the days to come.
DROP FUNCTION IF EXISTS swarm.prune;
CREATE FUNCTION swarm.prune(_keep_ms bigint, _limit integer)
RETURNS TABLE (tickets integer, partitions integer)
LANGUAGE plpgsql VOLATILE SET timezone = 'UTC' AS $$
DECLARE
    _cutoff timestamptz := clock_timestamp() - swarm.milliseconds(_keep_ms);
    _old    bigint[];
    _gone   bigint[];
    _graphs bigint[];
BEGIN
    tickets := 0; partitions := 0;
    IF NOT pg_try_advisory_xact_lock(7383251905436196) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    _old := ARRAY(
        SELECT t.id FROM swarm.tickets t
        WHERE t.final_state IS NOT NULL AND t.finished_at < _cutoff AND NOT swarm.is_waited_for(t.id)
        ORDER BY t.id LIMIT _limit FOR UPDATE SKIP LOCKED);
    -- A second look under the locks, for those whom somebody began to wait for since the first one.
    WITH old AS MATERIALIZED (
        SELECT o.id FROM unnest(_old) AS o (id) WHERE NOT swarm.is_waited_for(o.id)
    ), keys AS (
        DELETE FROM swarm.unique_keys u USING old o WHERE u.ticket_id = o.id
    ), tries AS (
        DELETE FROM swarm.attempts a USING old o WHERE a.ticket_id = o.id
    ), edges AS (
        DELETE FROM swarm.dependencies d USING old o WHERE d.child_id = o.id
    ), edges_down AS (
        DELETE FROM swarm.dependencies d USING old o WHERE d.parent_id = o.id AND d.child_id NOT IN (SELECT id FROM old)
    ), timed AS (
        DELETE FROM swarm.deadlines d USING old o WHERE d.ticket_id = o.id
    ), fired AS (
        DELETE FROM swarm.firings f USING old o WHERE f.ticket_id = o.id
    ), removed AS (
        DELETE FROM swarm.tickets t USING old o WHERE t.id = o.id RETURNING t.id, t.graph_id
    )
    SELECT coalesce(array_agg(id), '{}'), array_agg(DISTINCT graph_id) INTO _gone, _graphs FROM removed;
    tickets := cardinality(_gone);
    DELETE FROM swarm.graphs g
    WHERE g.id = ANY (_graphs) AND NOT EXISTS (SELECT FROM swarm.tickets t WHERE t.graph_id = g.id);
    IF tickets > 0 THEN
        UPDATE swarm.pruning SET last_ticket = greatest(last_ticket, (SELECT max(g) FROM unnest(_gone) AS g));
    END IF;

    PERFORM swarm.prune_leftovers(_cutoff, _limit);

    partitions := swarm.prune_days(_cutoff);
    RETURN NEXT;
END $$;

-- Makes the partitions of the days to come, and drops the days that no ticket needs. Both need the log for themselves, and
-- while they wait for it everybody else waits behind them: so not for long, and next time is soon enough.
DROP FUNCTION IF EXISTS swarm.prune_days;
CREATE FUNCTION swarm.prune_days(_cutoff timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE SET lock_timeout = '100ms' AS $$
DECLARE
    _oldest  timestamptz;
    _day     record;
    _dropped integer := 0;
BEGIN
    FOR _ahead IN 0 .. 7 LOOP
        PERFORM swarm.make_partition(current_date + _ahead);
    END LOOP;
    _oldest := least(_cutoff, coalesce((SELECT min(created_at) FROM swarm.tickets), _cutoff));
    FOR _day IN
        SELECT c.oid::regclass AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'swarm.ticket_events'::regclass AND c.relname ~ '_\d{8}$'
        ORDER BY 2
    LOOP
        EXIT WHEN (_day.day + 1)::timestamptz > _oldest;
        EXECUTE format('DROP TABLE %s', _day.name);
        UPDATE swarm.pruning SET events_before = greatest(events_before, (_day.day + 1)::timestamptz);
        _dropped := _dropped + 1;
    END LOOP;
    RETURN _dropped;
EXCEPTION
    -- Held by somebody, or an event of that day was committed while we waited.
    WHEN lock_not_available OR check_violation THEN RETURN 0;
END $$;

-- What nothing refers to any more: payloads, slots of keys and of nodes that are gone, turns of groups that have none to
-- their credit. Each is locked first and looked at again: somebody may have taken it up since the first look.
DROP FUNCTION IF EXISTS swarm.prune_leftovers;
CREATE FUNCTION swarm.prune_leftovers(_cutoff timestamptz, _limit integer) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _blobs bytea[];
    _slots tid[];
    _turns tid[];
BEGIN
    _blobs := ARRAY(SELECT b.hash FROM swarm.blobs b
                    WHERE NOT EXISTS (SELECT FROM swarm.tickets t WHERE t.payload_hash = b.hash)
                    LIMIT _limit FOR UPDATE SKIP LOCKED);
    DELETE FROM swarm.blobs b
    WHERE b.hash = ANY (_blobs) AND NOT EXISTS (SELECT FROM swarm.tickets t WHERE t.payload_hash = b.hash);

    _slots := ARRAY(SELECT s.ctid FROM swarm.slots s
                    WHERE (s.scope LIKE 'key:%'
                           OR s.scope IN (SELECT 'node:' || n.id FROM swarm.nodes n
                                          WHERE n.stopped_at IS NOT NULL OR n.last_seen_at < _cutoff))
                      AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = s.ticket_id AND l.fence = s.fence)
                    LIMIT _limit FOR UPDATE SKIP LOCKED);
    DELETE FROM swarm.slots s
    WHERE s.ctid = ANY (_slots)
      AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = s.ticket_id AND l.fence = s.fence);

    -- Whoever has had no more turns than the queue begins where the queue is, with a row or without one.
    _turns := ARRAY(SELECT u.ctid FROM swarm.turns u JOIN swarm.turns q ON q.queue_id = u.queue_id AND q.group_key = ''
                    WHERE u.group_key <> '' AND u.turn <= q.turn
                    LIMIT _limit FOR UPDATE OF u SKIP LOCKED);
    DELETE FROM swarm.turns WHERE ctid = ANY (_turns);

    -- What a service said once, and what was wrong with a node that is gone.
    DELETE FROM swarm.limits WHERE id = ANY (ARRAY(
        SELECT l.id FROM swarm.limits l WHERE NOT swarm.is_in_force(l) LIMIT _limit FOR UPDATE SKIP LOCKED));
    DELETE FROM swarm.breakers WHERE id = ANY (ARRAY(
        SELECT b.id FROM swarm.breakers b
        WHERE b.credential IN (SELECT 'node:' || n.id FROM swarm.nodes n
                               WHERE n.stopped_at IS NOT NULL OR n.last_seen_at < _cutoff)
        LIMIT _limit FOR UPDATE SKIP LOCKED));
END $$;

-- A parent is kept as long as somebody waits for it, and one that wasn't completed as long as somebody could wait for it
-- again, by a retry: without the edge that one would start. VOLATILE, so that each look has a snapshot of its own.
DROP FUNCTION IF EXISTS swarm.is_waited_for;
CREATE FUNCTION swarm.is_waited_for(_parent_id bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM swarm.dependencies d
                   JOIN swarm.tickets c ON c.id = d.child_id
                   JOIN swarm.tickets p ON p.id = d.parent_id
                   WHERE d.parent_id = _parent_id
                     AND (c.final_state IS NULL OR (p.final_state <> 'completed' AND c.final_state <> 'completed')));
END $$;

-- The partition of a day in the event log, in UTC. Not where events of that day lie in the default partition already.
DROP FUNCTION IF EXISTS swarm.make_partition;
CREATE FUNCTION swarm.make_partition(_day date) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _name CONSTANT text := 'ticket_events_' || to_char(_day, 'YYYYMMDD');
BEGIN
    IF to_regclass('swarm.' || _name) IS NOT NULL
       OR EXISTS (SELECT FROM swarm.ticket_events_default
                  WHERE at >= (_day || ' 00:00Z')::timestamptz AND at < (_day + 1 || ' 00:00Z')::timestamptz) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE swarm.%I PARTITION OF swarm.ticket_events FOR VALUES FROM (%L) TO (%L)', _name,
                   _day || ' 00:00Z', _day + 1 || ' 00:00Z');
    -- The parent's trigger is for statements on the parent alone.
    EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON swarm.%I FOR EACH STATEMENT '
                   'EXECUTE FUNCTION swarm.refuse_change()', _name);
END $$;
