-- The breakers and limits that a claimer meets in a queue, locked where something waits that may pass them. So a poll that
-- finds nothing writes nothing.
--
-- A gate in somebody else's hand is shut for this claim: nobody waits. What may pass is looked at twice, the second time
-- under the locks, because the first look may be too old to see the lease of a claim that passed and was committed since.
DROP FUNCTION IF EXISTS swarm.find_gates;
CREATE FUNCTION swarm.find_gates(_queue_id integer, _node_id bigint, _credentials text[]) RETURNS swarm.gates
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _who      CONSTANT text[] := swarm.identities(_node_id, _credentials);
    _waiting  CONSTANT text[] := swarm.waiting_routes(_queue_id);
    _breakers integer[];
    _limits   integer[];
    _gates    swarm.gates;
BEGIN
    _breakers := ARRAY(SELECT b.id FROM swarm.breakers b
                       WHERE b.credential = ANY (_who) AND swarm.may_probe(b)
                         AND EXISTS (SELECT FROM unnest(_waiting) AS w WHERE swarm.covers(b.route, w)));
    _breakers := ARRAY(SELECT b.id FROM swarm.breakers b WHERE b.id = ANY (_breakers) ORDER BY b.id FOR UPDATE SKIP LOCKED);
    _limits := ARRAY(SELECT l.id FROM swarm.limits l
                     WHERE l.credential = ANY (_who) AND EXISTS (SELECT FROM unnest(_waiting) AS w WHERE swarm.covers(l.route, w))
                       AND swarm.is_in_force(l) AND swarm.allowance(l) > 0);
    _limits := ARRAY(SELECT l.id FROM swarm.limits l WHERE l.id = ANY (_limits) ORDER BY l.id FOR UPDATE SKIP LOCKED);

    SELECT coalesce(array_agg(g.route), '{}'), coalesce(array_agg(g.allowed), '{}') INTO _gates.patterns, _gates.allowed
    FROM (SELECT b.route, CASE WHEN b.id = ANY (_breakers) AND swarm.may_probe(b) THEN 1 ELSE 0 END AS allowed
          FROM swarm.breakers b WHERE b.credential = ANY (_who) AND b.state <> 'closed'
          UNION ALL
          SELECT l.route, CASE WHEN l.id = ANY (_limits) THEN swarm.allowance(l) ELSE 0 END
          FROM swarm.limits l WHERE l.credential = ANY (_who) AND swarm.is_in_force(l)) g;
    SELECT coalesce(array_agg(w.route), '{}'), coalesce(array_agg(w.route) FILTER (WHERE w.allowed > 0), '{}')
    INTO _gates.covered, _gates.passing
    FROM (SELECT r AS route, min(g.allowed) AS allowed
          FROM unnest(_waiting) AS r
          JOIN unnest(_gates.patterns, _gates.allowed) AS g (pattern, allowed) ON swarm.covers(g.pattern, r)
          GROUP BY r) w;
    RETURN _gates;
END $$;

-- As whom a claimer is met by breakers and limits.
DROP FUNCTION IF EXISTS swarm.identities;
CREATE FUNCTION swarm.identities(_node_id bigint, _credentials text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(_credentials, '{}') || ARRAY['', 'node:' || _node_id];
$$;

-- The routes in a queue, one step of the index each, however many tickets wait behind it.
DROP FUNCTION IF EXISTS swarm.waiting_routes;
CREATE FUNCTION swarm.waiting_routes(_queue_id integer) RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _routes text[] := '{}';
    _route  text := '';
BEGIN
    LOOP
        SELECT r.route INTO _route FROM swarm.ready r
        WHERE r.queue_id = _queue_id AND r.route IS NOT NULL AND r.route > _route
        ORDER BY r.queue_id, r.route LIMIT 1;
        EXIT WHEN NOT FOUND;
        _routes := _routes || _route;
    END LOOP;
    RETURN _routes;
END $$;

-- Whether a breaker lets one ticket through: its time is over, and nobody tries already.
DROP FUNCTION IF EXISTS swarm.may_probe;
CREATE FUNCTION swarm.may_probe(_b swarm.breakers) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN _b.state <> 'closed' AND _b.until <= clock_timestamp()
       AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = _b.probe_ticket AND l.fence = _b.probe_fence);
END $$;
