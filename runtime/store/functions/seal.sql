-- Adds up to _limit events to the hash chain. Only events that no transaction can still come before: by xid, below the
-- oldest one that runs, so no late commit is passed over. One sealer at a time; another one finds nothing to do.
DROP FUNCTION IF EXISTS swarm.seal;
CREATE FUNCTION swarm.seal(_limit integer)
RETURNS TABLE (sealed integer, last_seal bigint, head bytea)
LANGUAGE plpgsql VOLATILE SET enable_bitmapscan = on AS $$
DECLARE
    _last    swarm.seals;
    _horizon xid8;
    _xmax    xid8;
    _number  bigint;
    _from    bigint;
    _new     record;
BEGIN
    sealed := 0;
    IF NOT pg_try_advisory_xact_lock(7383251905436195) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO _last FROM swarm.seals ORDER BY id DESC LIMIT 1;
    last_seal := coalesce(_last.id, 0);
    head := _last.hash;
    -- The number first: an event that isn't seen below has one that is greater than this or a transaction that ran.
    SELECT last_value INTO _number FROM swarm.event_ids;
    SELECT pg_snapshot_xmin(s), pg_snapshot_xmax(s) INTO _horizon, _xmax FROM pg_current_snapshot() AS s;
    -- What isn't sealed has an xid from last_xid on. Those began after an earlier seal saw last_xid as the future, so
    -- their events have greater numbers than it saw. A number is drawn a moment before the xid: hence the margin.
    _from := coalesce((SELECT max(s.sequence_at) FROM swarm.seals s WHERE s.snapshot_xmax <= _last.last_xid), 0) - 1000;

    -- In the order of the inner query: to sort again in each aggregate would cost as much as the digests.
    SELECT count(*) AS n, array_agg(e.id) AS ids, string_agg(substr(e.digest, 1, 8), '') AS marks,
           string_agg(e.digest, '') AS digests, (array_agg(e.xid))[count(*)] AS last_xid,
           (array_agg(e.id))[count(*)] AS last_id, min(e.at) AS first_at, max(e.at) AS last_at
    INTO _new
    FROM (SELECT ev.id, ev.xid, ev.at, swarm.event_digest(ev) AS digest FROM swarm.ticket_events ev
          WHERE ev.id > _from AND ev.xid < _horizon
            AND (_last.id IS NULL OR (ev.xid, ev.id) > (_last.last_xid, _last.last_id))
          ORDER BY ev.xid, ev.id LIMIT _limit) e;
    IF _new.n = 0 THEN
        RETURN NEXT;
        RETURN;
    END IF;
    sealed := _new.n;
    last_seal := last_seal + 1;
    head := sha256(coalesce(_last.hash, '') || _new.digests);
    INSERT INTO swarm.seals (id, hash, event_ids, marks, last_xid, last_id, snapshot_xmax, sequence_at, first_at, last_at)
    VALUES (last_seal, head, _new.ids, _new.marks, _new.last_xid, _new.last_id, _xmax, _number, _new.first_at,
            _new.last_at);
    RETURN NEXT;
END $$;

-- All that an event says, as one hash. Independent of the session: times as seconds, JSON as the database keeps it. STABLE
-- and in SQL, so that it is taken into the statement that calls it for each of many rows.
DROP FUNCTION IF EXISTS swarm.event_digest;
CREATE FUNCTION swarm.event_digest(_e swarm.ticket_events) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws('|', _e.id, _e.ticket_id, extract(epoch FROM _e.at), _e.kind,
                                       coalesce(_e.attempt::text, '-'), coalesce(_e.fence::text, '-'),
                                       coalesce(_e.node_id::text, '-'), _e.actor, _e.xid, coalesce(_e.data::text, '-')),
                             'UTF8'));
$$;
