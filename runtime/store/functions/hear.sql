-- Takes in what attempts that were just settled say about the services behind their routes: per ticket a JSON object with
--   news         answered, failed, shut, refused or throttled; see messages/outcome.hpp, and for refused refused_alike
--   whole_kind, this_node, credential     what it is about and for whom; without them this route, for everybody
--   route        which service, when it isn't that of the ticket's work
--   review       such an object for the model that reviewed the work
--   wait_ms      how long nobody shall try, as the service says
--   requests, input_tokens, output_tokens, requests_left, input_left, output_left     for the limits: see charge
-- What a breaker does with it:
--   closed       failed: counts; opens with the _failures_max-th in a row. shut: opens. answered: counts anew
--   open         shut: stays open longer. All else was asked before it opened, and says nothing
--   half_open    of the ticket that tries: failed or shut opens it again, answered closes it. Of others, as when open
-- It is open for as long as the service says; else for _longest_ms where people must mend something (shut), or _first_ms,
-- doubled each time up to _longest_ms. Then one ticket tries, chosen by the first claim that finds one.
--
-- Called by settle in its transaction, so that whoever sees the end of an attempt sees what followed. Rows are locked in the
-- order of their keys, whatever the order of the reports.
DROP FUNCTION IF EXISTS swarm.hear;
CREATE FUNCTION swarm.hear(_ticket_ids bigint[], _fences bigint[], _reports jsonb[], _evidence text[], _failures_max integer,
                           _first_ms bigint, _longest_ms bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _said  record;
    _b     swarm.breakers;
    _tries boolean;
BEGIN
    IF EXISTS (SELECT FROM unnest(_reports) AS r WHERE r ? 'review') THEN
        WITH given AS (
            SELECT * FROM unnest(_ticket_ids, _fences, _reports, _evidence) WITH ORDINALITY
                          AS g (ticket_id, fence, report, evidence, place)
        ), heard AS (
            SELECT 2 * place AS place, ticket_id, fence, report - 'review' AS report, evidence FROM given
            UNION ALL
            SELECT 2 * place + 1, ticket_id, fence, report -> 'review', evidence FROM given WHERE report ? 'review'
        )
        SELECT array_agg(h.ticket_id ORDER BY h.place), array_agg(h.fence ORDER BY h.place),
               array_agg(h.report ORDER BY h.place), array_agg(h.evidence ORDER BY h.place)
        INTO _ticket_ids, _fences, _reports, _evidence FROM heard h;
    END IF;
    _reports := swarm.refused_alike(_ticket_ids, _fences, swarm.name_nodes(_ticket_ids, _fences, _reports), _evidence);
    FOR _said IN
        WITH heard AS MATERIALIZED (
            SELECT g.place, g.ticket_id, g.fence, left(g.evidence, 500) AS evidence,
                   coalesce(g.report ->> 'route', t.route) AS route,
                   g.report ->> 'news' AS news, coalesce(g.report ->> 'credential', '') AS credential,
                   coalesce((g.report ->> 'whole_kind')::boolean, false) AS whole_kind,
                   coalesce((g.report ->> 'wait_ms')::bigint, 0) AS wait_ms
            FROM unnest(_ticket_ids, _fences, _reports, _evidence) WITH ORDINALITY
                 AS g (ticket_id, fence, report, evidence, place)
            JOIN swarm.tickets t ON t.id = g.ticket_id
            WHERE coalesce(g.report ->> 'route', t.route) IS NOT NULL
        )
        SELECT h.*, CASE WHEN h.whole_kind THEN swarm.kind_of_route(h.route) ELSE h.route END AS at_route,
               h.credential AS at_credential
        FROM heard h WHERE h.news IN ('failed', 'shut')
        UNION ALL
        SELECT h.*, b.route, b.credential
        FROM heard h JOIN swarm.breakers b ON swarm.covers(b.route, h.route)
        WHERE h.news = 'answered'
          AND ((b.state = 'closed' AND b.credential IN ('', h.credential))
               OR (b.probe_ticket, b.probe_fence) = (h.ticket_id, h.fence))
        ORDER BY at_route, at_credential, place
    LOOP
        IF _said.news <> 'answered' THEN
            -- Whatever stands there now, locked: an update that changes nothing finds a row that came since this began.
            INSERT INTO swarm.breakers AS b (route, credential, state, ticket_id)
            VALUES (_said.at_route, _said.at_credential, 'closed', _said.ticket_id)
            ON CONFLICT (route, credential) DO UPDATE SET failures = b.failures RETURNING b.* INTO _b;
        ELSE
            SELECT * INTO _b FROM swarm.breakers b
            WHERE b.route = _said.at_route AND b.credential = _said.at_credential FOR UPDATE;
            CONTINUE WHEN NOT FOUND;
        END IF;
        _tries := _b.state = 'half_open' AND (_b.probe_ticket, _b.probe_fence) = (_said.ticket_id, _said.fence);
        IF _said.news = 'answered' THEN
            IF _tries OR _b.state = 'closed' THEN
                DELETE FROM swarm.breakers WHERE id = _b.id;
            END IF;
            IF _tries THEN
                INSERT INTO swarm.ticket_events (ticket_id, kind, data)
                VALUES (_said.ticket_id, 'breaker_closed', swarm.about_breaker(_b.route, _b.credential, _b.reason));
            END IF;
        ELSIF _said.news = 'failed' AND _b.state = 'closed' AND _b.failures + 1 < _failures_max THEN
            UPDATE swarm.breakers SET failures = failures + 1, reason = _said.evidence, ticket_id = _said.ticket_id
            WHERE id = _b.id;
        ELSIF _said.news = 'shut' OR _b.state = 'closed' OR _tries THEN
            PERFORM swarm.open_breaker(_b, _said.ticket_id, _said.evidence, clock_timestamp() + swarm.milliseconds(
                CASE WHEN _said.wait_ms > 0 THEN least(_said.wait_ms, 8640000000) -- a hundred days
                     WHEN _said.news = 'shut' THEN _longest_ms
                     ELSE least(_longest_ms, (_first_ms * power(2, least(30, _b.trips)))::bigint) END));
        END IF;
    END LOOP;

    IF EXISTS (SELECT FROM swarm.limits) OR EXISTS (SELECT FROM unnest(_reports) AS r WHERE r ->> 'news' = 'throttled') THEN
        PERFORM swarm.charge(_ticket_ids, _reports, true);
    END IF;
END $$;

-- Puts the node whose attempt says so in the place of the credential where the news is about this node alone.
DROP FUNCTION IF EXISTS swarm.name_nodes;
CREATE FUNCTION swarm.name_nodes(_ticket_ids bigint[], _fences bigint[], _reports jsonb[]) RETURNS jsonb[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT CASE WHEN (g.report -> 'this_node')::boolean
                    THEN g.report || jsonb_build_object('credential', 'node:' || (
                             SELECT e.node_id FROM swarm.ticket_events e
                             WHERE e.ticket_id = g.ticket_id AND e.fence = g.fence AND e.node_id IS NOT NULL LIMIT 1))
                    ELSE g.report END
        FROM unnest(_ticket_ids, _fences, _reports) WITH ORDINALITY AS g (ticket_id, fence, report, place)
        ORDER BY g.place);
END $$;

-- Opens a breaker, or keeps it open for longer; never for less, as the last of a crowd that was sent away knows least. One
-- that tries already stays the one: nobody else is let through while it runs.
DROP FUNCTION IF EXISTS swarm.open_breaker;
CREATE FUNCTION swarm.open_breaker(_b swarm.breakers, _ticket_id bigint, _reason text, _until timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.breakers b
    SET state = 'open', until = greatest(b.until, _until), failures = b.failures + 1, reason = _reason,
        ticket_id = _ticket_id, opened_at = coalesce(b.opened_at, clock_timestamp()),
        trips = b.trips + (b.state <> 'open')::integer
    WHERE b.id = _b.id;
    IF _b.state <> 'open' THEN
        INSERT INTO swarm.ticket_events (ticket_id, kind, data)
        VALUES (_ticket_id, 'breaker_opened', swarm.about_breaker(_b.route, _b.credential, _reason, _until));
    END IF;
END $$;

-- An operator's word that it works again, for all credentials unless one is named. Answers how many breakers it closed.
DROP FUNCTION IF EXISTS swarm.close_breaker;
CREATE FUNCTION swarm.close_breaker(_route text, _credential text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _ids integer[];
BEGIN
    _ids := ARRAY(SELECT b.id FROM swarm.breakers b
                  WHERE b.route = _route AND b.credential = coalesce(_credential, b.credential)
                  ORDER BY b.route, b.credential FOR UPDATE);
    WITH closed AS (
        DELETE FROM swarm.breakers b WHERE b.id = ANY (_ids) RETURNING b.*
    )
    INSERT INTO swarm.ticket_events (ticket_id, kind, data)
    SELECT c.ticket_id, 'breaker_closed', swarm.about_breaker(c.route, c.credential, c.reason) FROM closed c
    WHERE c.state <> 'closed' ORDER BY c.id;
    RETURN cardinality(_ids);
END $$;
