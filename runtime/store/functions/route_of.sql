-- The service outside that the work of a ticket needs, as breakers and limits know it; NULL for work that is done here:
--   http         http <scheme>://<host>:<port> <variables that its headers take secrets from>
--   claude       claude <model>, or claude default where the node's configuration names it; claude batch for batches,
--                which have limits of their own, whatever the model
--   agent_cli    agent_cli <agent> <model>, or default where its CLI chooses
--   all others   what the payload calls `route`, if anything
-- Never a value of a secret: a URL may carry one. A route that can't be read or is too long for an index is none.
DROP FUNCTION IF EXISTS swarm.read_route;
CREATE FUNCTION swarm.read_route(_kind text, _payload jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _parts   text[];
    _secrets text;
    _route   text;
BEGIN
    IF _kind = 'http' THEN
        _parts := regexp_match(_payload ->> 'url',
                               '^(https?)://(?:[^/?#]*@)?([^/?#@:\[\]]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(?:[/?#]|$)', 'i');
        SELECT string_agg(DISTINCT h.value ->> 'env', ' ' ORDER BY h.value ->> 'env') INTO _secrets
        FROM jsonb_each(CASE WHEN jsonb_typeof(_payload -> 'headers') = 'object' THEN _payload -> 'headers' ELSE '{}' END) AS h;
        _route := 'http ' || lower(_parts[1] || '://' || _parts[2]) || ':'
                  || coalesce(_parts[3], CASE lower(_parts[1]) WHEN 'https' THEN '443' ELSE '80' END)
                  || coalesce(' ' || _secrets, '');
    ELSIF _kind = 'claude' THEN
        _route := 'claude ' || CASE WHEN (_payload -> 'batch') = 'true' THEN 'batch'
                                    ELSE coalesce(_payload ->> 'model', 'default') END;
    ELSIF _kind = 'agent_cli' THEN
        _route := 'agent_cli ' || (_payload ->> 'agent') || ' ' || coalesce(_payload ->> 'model', 'default');
    ELSE
        _route := _payload ->> 'route';
    END IF;
    RETURN CASE WHEN octet_length(_route) <= 200 AND _route ~ '^[[:graph:]]+( [[:graph:]]+)*$' THEN _route END;
END $$;

-- For all who create tickets: most have none, and aren't parsed for it.
DROP FUNCTION IF EXISTS swarm.route_of;
CREATE FUNCTION swarm.route_of(_kind text, _payload text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN _kind IN ('http', 'claude', 'agent_cli') OR _payload LIKE '%"route"%'
                THEN swarm.read_route(_kind, _payload::jsonb) END;
$$;

-- What covers all routes that share a route's credential: those of its kind, or, since each agent has its own provider, those
-- of its agent.
DROP FUNCTION IF EXISTS swarm.kind_of_route;
CREATE FUNCTION swarm.kind_of_route(_route text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN _route LIKE 'agent_cli % %' THEN 'agent_cli ' || split_part(_route, ' ', 2) || ' *'
                ELSE split_part(_route, ' ', 1) END;
$$;

-- Whether a breaker or a limit is about a route: this one, all of its first word, or all that begin like what ends with '*'.
DROP FUNCTION IF EXISTS swarm.covers;
CREATE FUNCTION swarm.covers(_pattern text, _route text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT _pattern = _route OR _pattern = split_part(_route, ' ', 1)
           OR (right(_pattern, 1) = '*' AND starts_with(_route, left(_pattern, -1)));
$$;
