-- Every limit that is in force, what is left of it, and how many tickets wait behind it (counted up to a hundred thousand).
-- `next_at`: when the next ticket may pass; NULL when one may now, or when that depends on the end of others.
DROP FUNCTION IF EXISTS swarm.limits_now;
CREATE FUNCTION swarm.limits_now()
RETURNS TABLE (route text, credential text, requests integer, requests_left bigint, input_tokens bigint, input_left bigint,
               output_tokens bigint, output_left bigint, concurrent integer, running bigint, next_at timestamptz,
               is_throttled boolean, waiting bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.route, l.credential, l.requests, floor(swarm.level(l.requests_left, l.requests, l.at))::bigint,
           l.input_tokens, floor(swarm.level(l.input_left, l.input_tokens, l.at))::bigint,
           l.output_tokens, floor(swarm.level(l.output_left, l.output_tokens, l.at))::bigint,
           least(l.concurrent, CASE WHEN swarm.is_wary(l) THEN floor(l.ceiling)::integer END), swarm.count_running(l.id),
           swarm.next_passage(l), coalesce(l.throttled_until > clock_timestamp(), false), swarm.count_waiting(l.route)
    FROM swarm.limits l WHERE swarm.is_in_force(l) ORDER BY l.route, l.credential;
END $$;

-- When there is enough in the buckets for one more; NULL when there is. Tokens: as soon as there are any.
DROP FUNCTION IF EXISTS swarm.next_passage;
CREATE FUNCTION swarm.next_passage(_l swarm.limits) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now CONSTANT timestamptz := clock_timestamp();
BEGIN
    RETURN greatest(
        CASE WHEN _l.throttled_until > _now THEN _l.throttled_until END,
        swarm.refilled_at(swarm.level(_l.requests_left, _l.requests, _l.at), _l.requests, _now),
        swarm.refilled_at(swarm.level(_l.input_left, _l.input_tokens, _l.at), _l.input_tokens, _now),
        swarm.refilled_at(swarm.level(_l.output_left, _l.output_tokens, _l.at), _l.output_tokens, _now));
END $$;

DROP FUNCTION IF EXISTS swarm.refilled_at;
CREATE FUNCTION swarm.refilled_at(_level double precision, _per_minute bigint, _now timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN _level < 1 THEN _now + make_interval(secs => (1 - _level) * 60 / _per_minute) END;
$$;

-- Which limits hold up a ticket of this route, in sentences.
DROP FUNCTION IF EXISTS swarm.why_limited;
CREATE FUNCTION swarm.why_limited(_route text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT format('the limit of %s%s is used up%s', l.route, swarm.for_whom(l.credential),
                  coalesce(' until ' || swarm.moment(swarm.next_passage(l)),
                           format(': %s attempts run, and no more may', swarm.count_running(l.id))))
    FROM swarm.limits l
    WHERE swarm.is_in_force(l) AND swarm.covers(l.route, _route) AND swarm.allowance(l) = 0
    ORDER BY l.route, l.credential;
END $$;
