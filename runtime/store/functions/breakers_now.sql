-- Every breaker that counts or is open, who tries, and how many tickets wait behind it (counted up to a hundred thousand).
DROP FUNCTION IF EXISTS swarm.breakers_now;
CREATE FUNCTION swarm.breakers_now()
RETURNS TABLE (route text, credential text, state text, failures integer, opened_at timestamptz, until timestamptz,
               reason text, probe bigint, waiting bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT b.route, b.credential, CASE WHEN b.until <= clock_timestamp() THEN 'half_open' ELSE b.state END, b.failures,
           b.opened_at, b.until, b.reason,
           (SELECT l.ticket_id FROM swarm.leases l WHERE l.ticket_id = b.probe_ticket AND l.fence = b.probe_fence),
           CASE WHEN b.state = 'closed' THEN 0 ELSE swarm.count_waiting(b.route) END
    FROM swarm.breakers b ORDER BY b.route, b.credential;
END $$;

DROP FUNCTION IF EXISTS swarm.count_waiting;
CREATE FUNCTION swarm.count_waiting(_pattern text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*) FROM (SELECT FROM swarm.ready r WHERE r.route IS NOT NULL AND swarm.covers(_pattern, r.route)
                                  LIMIT 100000) x);
END $$;

-- What of it holds up a ticket of this route, in sentences.
DROP FUNCTION IF EXISTS swarm.why_shut;
CREATE FUNCTION swarm.why_shut(_route text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT format('it is behind the open breaker of %s%s%s: %s', b.route, swarm.for_whom(b.credential),
                  CASE WHEN b.until > clock_timestamp()
                       THEN ' until ' || swarm.moment(b.until)
                       WHEN swarm.may_probe(b) THEN ', which lets the next ticket through to try'
                       ELSE ', and waits for ticket ' || b.probe_ticket || ', which tries' END,
                  coalesce(b.reason, 'without a reason'))
    FROM swarm.breakers b WHERE b.state <> 'closed' AND swarm.covers(b.route, _route)
    ORDER BY b.route, b.credential;
END $$;

DROP FUNCTION IF EXISTS swarm.for_whom;
CREATE FUNCTION swarm.for_whom(_credential text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN _credential = '' THEN '' WHEN _credential LIKE 'node:%' THEN ' on node ' || substr(_credential, 6)
                ELSE ' for credential ' || _credential END;
$$;

DROP FUNCTION IF EXISTS swarm.moment;
CREATE FUNCTION swarm.moment(_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC';
$$;
