-- Of locked rows that no gate stands before, and of the heads of the routes that may pass, the first _limit in the order of
-- the queue, as many of each as all of its gates allow. A route that appeared since the gates were looked for waits until the
-- next claim if one of them covers it.
DROP FUNCTION IF EXISTS swarm.pass_gates;
CREATE FUNCTION swarm.pass_gates(_queue_id integer, _limit integer, _rows tid[], _gates swarm.gates) RETURNS tid[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now   CONSTANT timestamptz := clock_timestamp();
    _taken tid[] := '{}';
    _left  integer[] := _gates.allowed;
    _then  integer[];
    _route text;
    _next  record;
BEGIN
    -- By their places alone: an index on routes leads through all that wait.
    IF cardinality(_gates.passing) = 0
       AND (SELECT count(r.route) FROM swarm.ready r WHERE r.ctid = ANY (_rows)) = 0 THEN
        RETURN _rows;
    END IF;
    FOREACH _route IN ARRAY _gates.passing LOOP
        _rows := _rows || ARRAY(
            SELECT r.ctid FROM swarm.ready r
            WHERE r.queue_id = _queue_id AND r.route = _route AND (r.expires_at IS NULL OR r.expires_at > _now)
            ORDER BY r.rank, r.seq
            LIMIT least(_limit, (SELECT min(g.allowed) FROM unnest(_gates.patterns, _gates.allowed) AS g (pattern, allowed)
                                 WHERE swarm.covers(g.pattern, _route)))
            FOR UPDATE SKIP LOCKED);
    END LOOP;
    FOR _next IN
        SELECT r.ctid, r.route FROM swarm.ready r WHERE r.ctid = ANY (_rows) ORDER BY r.rank, r.seq
    LOOP
        EXIT WHEN cardinality(_taken) >= _limit;
        _then := swarm.pass(_gates.patterns, _left, _next.route);
        CONTINUE WHEN _then IS NULL;
        _left := _then;
        _taken := _taken || _next.ctid;
    END LOOP;
    RETURN _taken;
END $$;

-- What the gates allow after a ticket of this route; NULL when one that covers it allows none.
DROP FUNCTION IF EXISTS swarm.pass;
CREATE FUNCTION swarm.pass(_patterns text[], _allowed integer[], _route text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    FOR i IN 1 .. CASE WHEN _route IS NULL THEN 0 ELSE cardinality(_patterns) END LOOP
        IF swarm.covers(_patterns[i], _route) THEN
            IF _allowed[i] < 1 THEN
                RETURN NULL;
            END IF;
            _allowed[i] := _allowed[i] - 1;
        END IF;
    END LOOP;
    RETURN _allowed;
END $$;

-- Notes at the gates which tickets have passed; their locks are held since find_gates.
DROP FUNCTION IF EXISTS swarm.note_passage;
CREATE FUNCTION swarm.note_passage(_ticket_ids bigint[], _routes text[], _fence bigint, _node_id bigint, _credentials text[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _who CONSTANT text[] := swarm.identities(_node_id, _credentials);
BEGIN
    WITH probes AS MATERIALIZED (
        SELECT b.id, b.route, b.credential, b.state, b.reason, g.ticket_id
        FROM swarm.breakers b JOIN unnest(_ticket_ids, _routes) AS g (ticket_id, route) ON swarm.covers(b.route, g.route)
        WHERE b.credential = ANY (_who) AND b.state <> 'closed'
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, node_id, data)
        SELECT ticket_id, 'breaker_half_opened', _node_id, swarm.about_breaker(route, credential, reason) FROM probes
        WHERE state = 'open' ORDER BY id
    )
    UPDATE swarm.breakers b SET state = 'half_open', probe_ticket = p.ticket_id, probe_fence = _fence
    FROM probes p WHERE b.id = p.id;

    WITH passed AS MATERIALIZED (
        SELECT l.id, g.ticket_id
        FROM swarm.limits l JOIN unnest(_ticket_ids, _routes) AS g (ticket_id, route) ON swarm.covers(l.route, g.route)
        WHERE l.credential = ANY (_who) AND swarm.is_in_force(l)
    ), noted AS (
        UPDATE swarm.leases s SET limit_ids = p.ids
        FROM (SELECT ticket_id, array_agg(id) AS ids FROM passed GROUP BY ticket_id) p WHERE s.ticket_id = p.ticket_id
    )
    UPDATE swarm.limits l
    SET at = clock_timestamp(), requests_left = coalesce(swarm.level(l.requests_left, l.requests, l.at) - p.n, 0),
        input_left = coalesce(swarm.level(l.input_left, l.input_tokens, l.at), 0),
        output_left = coalesce(swarm.level(l.output_left, l.output_tokens, l.at), 0)
    FROM (SELECT id, count(*) AS n FROM passed GROUP BY id) p WHERE l.id = p.id;
END $$;

DROP FUNCTION IF EXISTS swarm.about_breaker;
CREATE FUNCTION swarm.about_breaker(_route text, _credential text, _reason text, _until timestamptz DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('route', _route, 'credential', nullif(_credential, ''), 'reason', _reason,
                                                'until', _until));
$$;
