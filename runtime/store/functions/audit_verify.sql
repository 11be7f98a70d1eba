-- Checks the hash chain, and every event that is still there. Answers the first thing that is wrong:
-- which event (0: none in particular) of which seal, and a sentence; no row when all is well. It looks at everything, so it
-- plans like a report and not like the short calls of a node.
DROP FUNCTION IF EXISTS swarm.audit_verify;
CREATE FUNCTION swarm.audit_verify() RETURNS TABLE (seal_id bigint, event_id bigint, problem text)
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET enable_bitmapscan = on SET enable_hashjoin = on SET enable_nestloop = off
AS $$
DECLARE
    _gone_before timestamptz := (SELECT events_before FROM swarm.pruning);
    _seal        swarm.seals;
    _previous    swarm.seals;
    _found       record;
    _extra       bigint;
    _low         bigint;
    _may_be_gone boolean;
    _high        bigint;
BEGIN
    FOR _seal IN SELECT * FROM swarm.seals ORDER BY id LOOP
        IF _seal.id <> coalesce(_previous.id, 0) + 1 THEN
            RETURN QUERY SELECT coalesce(_previous.id, 0) + 1, 0::bigint,
                                format('seal %s is missing', coalesce(_previous.id, 0) + 1);
            RETURN;
        END IF;
        -- Events may be gone where history was removed; those that are there must be what they were.
        _may_be_gone := _seal.first_at < _gone_before;
        SELECT min(i), max(i) INTO _low, _high FROM unnest(_seal.event_ids) AS i;
        SELECT string_agg(coalesce(d.digest, ''), '' ORDER BY d.place) AS digests,
               count(d.digest) = count(*) AS is_whole, max(d.xid) AS last_xid,
               min(d.place) FILTER (WHERE (d.digest IS NULL AND NOT _may_be_gone)
                                    OR substr(d.digest, 1, 8) <> substr(_seal.marks, (d.place * 8 - 7)::integer, 8)) AS bad
        INTO _found
        FROM (SELECT g.place, e.xid, CASE WHEN e.id IS NOT NULL THEN swarm.event_digest(e) END AS digest
              FROM unnest(_seal.event_ids) WITH ORDINALITY AS g (id, place)
              LEFT JOIN swarm.ticket_events e ON e.id = g.id AND e.id BETWEEN _low AND _high
                                             AND (_may_be_gone OR e.at BETWEEN _seal.first_at AND _seal.last_at)) d;
        IF _found.is_whole OR _found.bad IS NOT NULL THEN
            IF _found.bad IS NOT NULL THEN
                _extra := _seal.event_ids[_found.bad];
                RETURN QUERY SELECT _seal.id, _extra,
                    CASE WHEN EXISTS (SELECT FROM swarm.ticket_events WHERE id = _extra)
                         THEN format('event %s was changed after it was sealed', _extra)
                         ELSE format('event %s is gone', _extra) END;
                RETURN;
            ELSIF sha256(coalesce(_previous.hash, '') || _found.digests) <> _seal.hash
                  OR (_found.last_xid, _seal.event_ids[cardinality(_seal.event_ids)])
                     IS DISTINCT FROM (_seal.last_xid, _seal.last_id) THEN
                RETURN QUERY SELECT _seal.id, 0::bigint, format('seal %s was changed', _seal.id);
                RETURN;
            END IF;
        END IF;
        _previous := _seal;
    END LOOP;

    -- What was put in behind the chain's back: sealed long ago by its place, and in no seal.
    SELECT min(x.id) INTO _extra
    FROM (SELECT e.id FROM swarm.ticket_events e
          WHERE (e.xid, e.id) <= (_previous.last_xid, _previous.last_id)
          EXCEPT
          SELECT unnest(s.event_ids) FROM swarm.seals s) AS x;
    IF _extra IS NOT NULL THEN
        RETURN QUERY SELECT 0::bigint, _extra, format('event %s was put in after its place had been sealed', _extra);
    ELSIF _previous.id IS NULL AND EXISTS (SELECT FROM swarm.ticket_events
                                           WHERE at < clock_timestamp() - interval '1 hour') THEN
        RETURN QUERY SELECT 1::bigint, 0::bigint, 'there is no seal, although the log is older than an hour'::text;
    END IF;
END $$;

-- The newest seal: what is worth keeping elsewhere.
DROP FUNCTION IF EXISTS swarm.audit_head;
CREATE FUNCTION swarm.audit_head(OUT seal_id bigint, OUT hash text, OUT sealed_at timestamptz, OUT events bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT s.id, encode(s.hash, 'hex'), s.sealed_at INTO seal_id, hash, sealed_at
    FROM swarm.seals s ORDER BY s.id DESC LIMIT 1;
    events := (SELECT coalesce(sum(cardinality(event_ids)), 0) FROM swarm.seals);
END $$;

-- Whether a head that was kept elsewhere is still part of the chain.
DROP FUNCTION IF EXISTS swarm.audit_has_head;
CREATE FUNCTION swarm.audit_has_head(_hash text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM swarm.seals WHERE encode(hash, 'hex') = lower(_hash));
END $$;
