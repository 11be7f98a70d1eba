-- Sets what all nodes together may use of a service: attempts that begin, and tokens, a minute; and attempts at once. NULL:
-- not limited. All NULL removes the limit. A bucket that is new, or wasn't limited before, is full. Answers whether there is
-- a limit now.
--   route        of tickets, the first word of it (all of that kind), or a beginning with '*' behind it
--   credential   the short hash of one; '': all nodes share the bucket, whatever they work with
DROP FUNCTION IF EXISTS swarm.set_limit;
CREATE FUNCTION swarm.set_limit(route text, credential text DEFAULT '', requests integer DEFAULT NULL,
                                input_tokens bigint DEFAULT NULL, output_tokens bigint DEFAULT NULL,
                                concurrent integer DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
BEGIN
    IF octet_length(route) > 200 OR route !~ '^[[:graph:]]+( [[:graph:]]+)*$' THEN
        RAISE EXCEPTION 'a route is made of words of up to 200 bytes together, such as ''claude claude-opus-*'', not %',
            quote_literal(left(route, 200)) USING ERRCODE = 'SW002';
    ELSIF least(requests, input_tokens, output_tokens, concurrent) < 1 THEN
        RAISE EXCEPTION 'a limit must be at least 1; without a number there is none' USING ERRCODE = 'SW002';
    ELSIF coalesce(requests, input_tokens, output_tokens, concurrent) IS NULL THEN
        DELETE FROM swarm.limits l WHERE l.route = set_limit.route AND l.credential = set_limit.credential;
        RETURN false;
    END IF;
    INSERT INTO swarm.limits AS l (route, credential, requests, input_tokens, output_tokens, concurrent, requests_left,
                                   input_left, output_left)
    VALUES (route, credential, requests, input_tokens, output_tokens, concurrent, coalesce(requests, 0),
            coalesce(input_tokens, 0), coalesce(output_tokens, 0))
    ON CONFLICT ON CONSTRAINT limit_once DO UPDATE
    SET requests = excluded.requests, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
        concurrent = excluded.concurrent, at = clock_timestamp(),
        requests_left = least(excluded.requests_left,
                              coalesce(swarm.level(l.requests_left, l.requests, l.at), excluded.requests_left)),
        input_left = least(excluded.input_left, coalesce(swarm.level(l.input_left, l.input_tokens, l.at), excluded.input_left)),
        output_left = least(excluded.output_left,
                            coalesce(swarm.level(l.output_left, l.output_tokens, l.at), excluded.output_left));
    RETURN true;
END $$;

-- What is in a bucket now; NULL when there is no limit. It may be less than nothing: work costs what it costs.
DROP FUNCTION IF EXISTS swarm.level;
CREATE FUNCTION swarm.level(_left double precision, _per_minute bigint, _at timestamptz) RETURNS double precision
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN CASE WHEN _per_minute IS NOT NULL
                THEN least(_per_minute, _left + _per_minute * extract(epoch FROM clock_timestamp() - _at) / 60) END;
END $$;

-- Whether it was told "not now" so short a while ago that its ceiling counts.
DROP FUNCTION IF EXISTS swarm.is_wary;
CREATE FUNCTION swarm.is_wary(_l swarm.limits) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(_l.throttled_at > clock_timestamp() - interval '10 minutes', false);
END $$;

-- Whether a limit holds up anybody. One that only notes that a service said "not now" is forgotten after a while.
DROP FUNCTION IF EXISTS swarm.is_in_force;
CREATE FUNCTION swarm.is_in_force(_l swarm.limits) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(_l.requests, _l.input_tokens, _l.output_tokens, _l.concurrent) IS NOT NULL
           OR coalesce(_l.throttled_until > clock_timestamp(), false) OR swarm.is_wary(_l);
END $$;

-- How many tickets may pass a limit now. What runs counts with the tokens that an attempt used on the average, and what
-- nobody knows anything of with a tenth of a minute's.
DROP FUNCTION IF EXISTS swarm.allowance;
CREATE FUNCTION swarm.allowance(_l swarm.limits) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _most    CONSTANT integer := 1000000;
    _running bigint;
BEGIN
    IF _l.throttled_until > clock_timestamp() THEN
        RETURN 0;
    END IF;
    IF coalesce(_l.concurrent, _l.input_tokens, _l.output_tokens) IS NOT NULL OR swarm.is_wary(_l) THEN
        _running := swarm.count_running(_l.id);
    END IF;
    RETURN greatest(0, floor(least(
        _most, swarm.level(_l.requests_left, _l.requests, _l.at), _l.concurrent - _running,
        CASE WHEN swarm.is_wary(_l) THEN _l.ceiling - _running END,
        swarm.tokens_allow(swarm.level(_l.input_left, _l.input_tokens, _l.at), _l.input_tokens, _l.input_mean, _running),
        swarm.tokens_allow(swarm.level(_l.output_left, _l.output_tokens, _l.at), _l.output_tokens, _l.output_mean, _running))));
END $$;

-- A full bucket is enough for one, however much that may use; or it would wait for ever.
DROP FUNCTION IF EXISTS swarm.tokens_allow;
CREATE FUNCTION swarm.tokens_allow(_level double precision, _per_minute bigint, _mean double precision, _running bigint)
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN _running = 0 AND _level >= _per_minute THEN greatest(1, a.n) ELSE a.n - _running END
    FROM (SELECT _level / greatest(1, coalesce(_mean, _per_minute / 10.0)) AS n) a;
$$;

DROP FUNCTION IF EXISTS swarm.count_running;
CREATE FUNCTION swarm.count_running(_limit_id integer) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT count(*) FROM swarm.leases l WHERE l.limit_ids IS NOT NULL AND _limit_id = ANY (l.limit_ids));
END $$;
