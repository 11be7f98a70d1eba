-- Corrects the limits by what attempts that were just settled say: what they used, what is left as the service says, and that
-- it said "not now" (throttled), which nobody asks before its end. One that isn't limited by anybody gets a limit for that.
-- What a service says is taken for its own limit and for those that it shares ('*'), not for that of a whole kind.
--
-- The first such word of a crowd also halves what may run at once, and each answer since then lets a little more: a service
-- that doesn't say what it can bear is found out about. Like hear, in the order of the rows. Attempts that _have_ended
-- run no more, and count as having run.
DROP FUNCTION IF EXISTS swarm.charge;
CREATE FUNCTION swarm.charge(_ticket_ids bigint[], _reports jsonb[], _have_ended boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _heard jsonb;
    _l     swarm.limits;
    _s     record;
BEGIN
    SELECT jsonb_agg(g.report || jsonb_build_object('route', coalesce(g.report ->> 'route', t.route),
                                                    'credential', coalesce(g.report ->> 'credential', '')))
    INTO _heard
    FROM unnest(_ticket_ids, _reports) AS g (ticket_id, report) JOIN swarm.tickets t ON t.id = g.ticket_id
    WHERE coalesce(g.report ->> 'route', t.route) IS NOT NULL;

    INSERT INTO swarm.limits (route, credential)
    SELECT DISTINCT h.route, h.credential FROM jsonb_to_recordset(_heard) AS h (route text, credential text, news text)
    WHERE h.news = 'throttled' ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    FOR _l IN
        SELECT l.* FROM swarm.limits l
        WHERE EXISTS (SELECT FROM jsonb_to_recordset(_heard) AS h (route text, credential text)
                      WHERE swarm.covers(l.route, h.route) AND l.credential IN ('', h.credential))
        ORDER BY l.id FOR UPDATE
    LOOP
        SELECT CASE WHEN _have_ended THEN count(*) ELSE 0 END AS ended,
               count(*) FILTER (WHERE h.news = 'answered') AS answered,
               coalesce(bool_or(h.news = 'throttled') FILTER (WHERE s.speaks), false) AS is_throttled,
               max(least(greatest(coalesce(h.wait_ms, 0), 1000), 8640000000))
                   FILTER (WHERE s.speaks AND h.news = 'throttled') AS wait_ms,
               coalesce(sum(h.requests - 1), 0) AS requests, min(h.requests_left) FILTER (WHERE s.speaks) AS requests_left,
               coalesce(sum(h.input_tokens), 0) AS input, avg(h.input_tokens) AS input_mean,
               min(h.input_left) FILTER (WHERE s.speaks) AS input_left,
               coalesce(sum(h.output_tokens), 0) AS output, avg(h.output_tokens) AS output_mean,
               min(h.output_left) FILTER (WHERE s.speaks) AS output_left
        INTO _s
        FROM jsonb_to_recordset(_heard) AS h (
            route text, credential text, news text, wait_ms bigint, requests bigint, requests_left bigint,
            input_tokens bigint, input_left bigint, output_tokens bigint, output_left bigint)
        CROSS JOIN LATERAL (SELECT _l.route = h.route OR right(_l.route, 1) = '*' AS speaks) s
        WHERE swarm.covers(_l.route, h.route) AND _l.credential IN ('', h.credential);
        UPDATE swarm.limits l
        SET at = clock_timestamp(),
            requests_left = coalesce(least(swarm.level(l.requests_left, l.requests, l.at) - _s.requests, _s.requests_left,
                                           CASE WHEN _s.is_throttled THEN 0 END), 0),
            input_left = coalesce(least(swarm.level(l.input_left, l.input_tokens, l.at) - _s.input, _s.input_left), 0),
            output_left = coalesce(least(swarm.level(l.output_left, l.output_tokens, l.at) - _s.output, _s.output_left), 0),
            input_mean = coalesce(l.input_mean * 0.8 + _s.input_mean * 0.2, _s.input_mean, l.input_mean),
            output_mean = coalesce(l.output_mean * 0.8 + _s.output_mean * 0.2, _s.output_mean, l.output_mean),
            throttled_until = greatest(l.throttled_until, clock_timestamp() + swarm.milliseconds(_s.wait_ms)),
            throttled_at = CASE WHEN _s.is_throttled THEN clock_timestamp() ELSE l.throttled_at END,
            ceiling = CASE WHEN _s.is_throttled AND (l.throttled_until > clock_timestamp()) IS NOT TRUE
                           THEN greatest(1, (swarm.running_on(l) + _s.ended) / 2)
                           WHEN swarm.is_wary(l) THEN l.ceiling + _s.answered / greatest(1, l.ceiling) END
        WHERE l.id = _l.id;
    END LOOP;
END $$;

-- How many attempts run on a route, those too that began before there was a limit.
DROP FUNCTION IF EXISTS swarm.running_on;
CREATE FUNCTION swarm.running_on(_l swarm.limits) RETURNS double precision LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT count(*) FROM swarm.leases l JOIN swarm.tickets t ON t.id = l.ticket_id
            WHERE t.route IS NOT NULL AND swarm.covers(_l.route, t.route));
END $$;
