-- Judges refusals: a service that says to a ticket that its request is wrong has answered, and the ticket fails. When it
-- says the same words to three tickets within five minutes, the fault is ours or the service has changed, and each further
-- ticket would be lost: then the route is shut, for everybody and until people have mended it. Answers the reports with
-- `answered` or `shut` in the place of `refused`.
--
-- One that tries behind a breaker of the same words keeps it open, alone as it is.
DROP FUNCTION IF EXISTS swarm.refused_alike;
CREATE FUNCTION swarm.refused_alike(_ticket_ids bigint[], _fences bigint[], _reports jsonb[], _evidence text[])
RETURNS jsonb[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _tickets_max CONSTANT integer := 3;
    _said        record;
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(_reports) AS r WHERE r ->> 'news' = 'refused') THEN
        RETURN _reports;
    END IF;
    FOR _said IN
        SELECT g.place, g.ticket_id, coalesce(g.report ->> 'route', t.route) AS route, left(g.evidence, 500) AS words,
               EXISTS (SELECT FROM swarm.breakers b
                       WHERE (b.probe_ticket, b.probe_fence) = (g.ticket_id, g.fence)
                         AND b.reason = left(g.evidence, 500)) AS tried
        FROM unnest(_ticket_ids, _fences, _reports, _evidence) WITH ORDINALITY
             AS g (ticket_id, fence, report, evidence, place)
        JOIN swarm.tickets t ON t.id = g.ticket_id
        WHERE g.report ->> 'news' = 'refused' AND coalesce(g.report ->> 'route', t.route) IS NOT NULL
        ORDER BY 3, md5(left(g.evidence, 500)), g.place -- the order in which everybody locks refusals
    LOOP
        _reports[_said.place] := CASE
            WHEN swarm.note_refusal(_said.route, md5(_said.words), _said.ticket_id) >= _tickets_max OR _said.tried
            THEN (_reports[_said.place] - 'credential') || '{"news": "shut"}'
            ELSE _reports[_said.place] || '{"news": "answered"}' END;
    END LOOP;
    -- What is long over, unless somebody has it in hand.
    DELETE FROM swarm.refusals WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM swarm.refusals r WHERE r.newest < clock_timestamp() - interval '5 minutes'
        LIMIT 1000 FOR UPDATE SKIP LOCKED));
    RETURN _reports;
END $$;

-- Answers how many tickets have heard the same within five minutes, at most three: more than that need no counting.
-- Whoever comes second waits for the first one here, or of three at once none would see the others.
DROP FUNCTION IF EXISTS swarm.note_refusal;
CREATE FUNCTION swarm.note_refusal(_route text, _words text, _ticket_id bigint) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now   CONSTANT timestamptz := clock_timestamp();
    _count integer;
BEGIN
    INSERT INTO swarm.refusals AS r (route, words, tickets, at, newest)
    VALUES (_route, _words, ARRAY[_ticket_id], ARRAY[_now], _now)
    ON CONFLICT (route, words) DO UPDATE
    SET (tickets, at) = (
            SELECT array_agg(x.ticket ORDER BY x.at), array_agg(x.at ORDER BY x.at)
            FROM (SELECT g.ticket, max(g.at) AS at
                  FROM unnest(r.tickets || excluded.tickets, r.at || excluded.at) AS g (ticket, at)
                  WHERE g.at > _now - interval '5 minutes' GROUP BY g.ticket ORDER BY 2 DESC LIMIT 3) x),
        newest = excluded.newest
    RETURNING cardinality(r.tickets) INTO _count;
    RETURN _count;
END $$;
