-- How many profiles the payload of a ticket offers for attempts that follow the same failure twice; NULL for work that
-- no model does: a command that fails twice in the same way may be worth a third try, as the world around it changes.
DROP FUNCTION IF EXISTS swarm.ladder_of;
CREATE FUNCTION swarm.ladder_of(_ticket_id bigint) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT CASE WHEN jsonb_typeof(p.body -> 'profiles') = 'array' THEN jsonb_array_length(p.body -> 'profiles')
                        ELSE 0 END
            FROM swarm.tickets t
            CROSS JOIN LATERAL (SELECT coalesce(t.payload, (SELECT b.body FROM swarm.blobs b
                                                            WHERE b.hash = t.payload_hash)) AS body) p
            WHERE t.id = _ticket_id AND t.kind IN ('claude', 'agent_cli'));
END $$;

-- What an attempt goes by: the members of a profile take the place of the payload's. 0 is the payload itself.
DROP FUNCTION IF EXISTS swarm.with_profile;
CREATE FUNCTION swarm.with_profile(_payload jsonb, _profile integer) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    -- A place before the first one would count from the end.
    RETURN CASE WHEN _profile > 0 AND jsonb_typeof(_payload -> 'profiles' -> (_profile - 1)) = 'object'
                THEN _payload || (_payload -> 'profiles' -> (_profile - 1)) ELSE _payload END;
END $$;

-- The route of a ticket under a profile: another model is another service to its breakers and limits.
DROP FUNCTION IF EXISTS swarm.route_at;
CREATE FUNCTION swarm.route_at(_ticket_id bigint, _profile integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT swarm.route_of(t.kind, swarm.with_profile(coalesce(t.payload, (SELECT b.body FROM swarm.blobs b
                                                                                  WHERE b.hash = t.payload_hash)),
                                                             _profile)::text)
            FROM swarm.tickets t WHERE t.id = _ticket_id);
END $$;
