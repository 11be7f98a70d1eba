-- Ends attempts. Each (ticket, fence) comes with the class of its outcome; what that means for the ticket is decided
-- here, from its own counters and limits:
--   completed                         -> completed, and its dependents are released
--   content, crash, timeout,
--   check_failed                      -> uses an attempt: scheduled again after a backoff, or failed when none is left.
--       Who fails as the attempt before him, by its signature, goes on under the next profile of a payload for a model; at
--       the end of that list a person must judge it, and the attempt is used up by his no
--   review                            -> the work is done, and a person must judge it: waits for him, without a lease
--   check_error                       -> a check couldn't run, however often its worker tried: never passes, and the work
--                                        isn't repeated; own counter, and a person must judge it, too
--   transient                         -> no fault of the ticket: own limit, own counter, own deadline
--   throttled, auth, budget           -> put off by somebody else's limit: own limits, a counter each
--       a ticket that comes to the end of these four fails with the reason `infra_exhausted`, for retry to find
--   permanent                         -> failed, whatever is left; so is a timeout of the ticket's own deadline
--   snoozed                           -> scheduled for when it asked to be, nothing counted
--   waiting                           -> the attempt goes on without a worker: looked at again when it asked to be, but
--                                        no later than its clock; _details goes to the next claim; nothing counted
--   released                          -> ready again at once, nothing counted
--   cancelled                         -> cancelled
-- What would run the ticket again ends it as cancelled when an operator has asked for that meanwhile. What an attempt waits
-- for outlives ends that aren't its own (transient, throttled, auth, budget, released), and no others; nor them, when their
-- _details say `begins_anew`: what was waited for has brought nothing.
--
-- The rules come as a row per class, side by side in arrays: the first and the longest pause, and how many such ends
-- are allowed (the ticket itself says so for those that use an attempt). _retry_after_ms is what the other side asked
-- for (0: nothing); it is honoured and never shortened. With a review it is how long a person has; else seven days. _details:
-- per settlement a JSON object or NULL.
-- _infra_deadline_ms: how long a ticket may meet nothing but transient trouble (0: for ever). _news: per settlement what the
-- attempt says about its route, or NULL (see hear); the rule `breaker` says how long one is open and how many failures open
-- it. _by_holder: whether the holder
-- of the fence speaks, or somebody who has taken its ticket away. _signatures: per settlement the hash of what it failed of,
-- or NULL.
-- Answers per ticket: 'ok'; 'again' when this very fence has settled it before (the holder never heard the answer, or
-- repeats himself in one call);
-- 'lost' when the lease is gone and the caller has no say any more. Only 'ok' changed anything. A ticket that somebody's
-- open transaction holds fails the whole call with 55P03 after a second: the caller brings the others without it.
DROP FUNCTION IF EXISTS swarm.settle;
CREATE FUNCTION swarm.settle(
    _ticket_ids bigint[], _fences bigint[], _classes text[], _clocks text[], _retry_after_ms bigint[],
    _evidence text[], _exit_codes integer[], _outputs bytea[], _output_bytes bigint[],
    _rule_classes text[], _rule_first_ms bigint[], _rule_longest_ms bigint[], _rule_max integer[],
    _by_holder boolean, _details text[] DEFAULT NULL, _infra_deadline_ms bigint DEFAULT 0,
    _news text[] DEFAULT NULL, _signatures text[] DEFAULT NULL)
RETURNS TABLE (ticket_id bigint, fence bigint, answer text, event text, delay_ms bigint, unblocked integer,
               handed_over integer)
LANGUAGE plpgsql VOLATILE ROWS 100 SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
    _actor       CONSTANT text := swarm.actor();
    _review_ms   CONSTANT bigint := 604800000;
    _completed   bigint[];
    _closed      bigint[];
    _released    bigint[];
    _unblocked   integer := 0;
    _handed_over integer := 0;
    -- Of what this call has settled: where it stands in the arrays, and what became of it.
    _places      bigint[];
    _kinds       swarm.event_kind[];
    _delays      bigint[];
    _breaker     CONSTANT integer := array_position(_rule_classes, 'breaker');
BEGIN
    WITH given AS MATERIALIZED (
        -- Once each: a caller that repeats itself in one batch must not write two histories. Evidence and output are
        -- fetched by place where they are written: carried along, every step below would copy them.
        SELECT DISTINCT ON (ticket_id, fence) *
        FROM unnest(_ticket_ids, _fences, _classes) WITH ORDINALITY AS g (ticket_id, fence, class, place)
        ORDER BY ticket_id, fence, place
    ), held AS MATERIALIZED (
        -- The guard of every write: ticket AND fence. In ticket order, so that no two batches wait for each other.
        SELECT l.ticket_id, l.fence, l.node_id, l.attempt, l.claimed_at, l.cancel_requested_at, l.deadline_at,
               w.ticket_id IS NOT NULL AS waits, g.class, g.place
        FROM swarm.leases l JOIN given g ON g.ticket_id = l.ticket_id AND g.fence = l.fence
        LEFT JOIN swarm.waits w ON w.ticket_id = l.ticket_id
        ORDER BY l.ticket_id
        FOR UPDATE OF l
    ), counted AS MATERIALIZED (
        -- What isn't completed uses something up.
        SELECT h.*, t.attempts_max, t.infra_since, t.profile,
               CASE WHEN _signatures[h.place] = t.signature THEN swarm.ladder_of(h.ticket_id) END AS ladder,
               t.attempts + (h.class IN ('content', 'crash', 'timeout', 'check_failed', 'permanent'))::integer
                   AS attempts,
               t.infra_retries + (h.class = 'transient')::integer   AS infra_retries,
               t.check_retries + (h.class = 'check_error')::integer AS check_retries,
               t.throttles + (h.class = 'throttled')::integer       AS throttles,
               t.auth_denials + (h.class = 'auth')::integer         AS auth_denials,
               t.budget_denials + (h.class = 'budget')::integer     AS budget_denials
        FROM held h JOIN swarm.tickets t ON t.id = h.ticket_id
        WHERE h.class <> 'completed'
    ), tallied AS MATERIALIZED (
        SELECT c.*, array_position(_rule_classes, c.class) AS rule,
               CASE c.class WHEN 'transient' THEN c.infra_retries
                            WHEN 'throttled' THEN c.throttles
                            WHEN 'auth' THEN c.auth_denials
                            WHEN 'budget' THEN c.budget_denials
                            ELSE c.attempts END AS tally
        FROM counted c
    ), judged AS MATERIALIZED (
        SELECT c.*,
               CASE WHEN c.class IN ('cancelled', 'released', 'snoozed', 'waiting') THEN c.class
                    WHEN c.class IN ('review', 'check_error') THEN 'review_requested'
                    WHEN c.class = 'permanent' OR (c.class = 'timeout' AND _clocks[c.place] = 'deadline') THEN 'failed'
                    WHEN c.class IN ('transient', 'throttled', 'auth', 'budget')
                    THEN CASE WHEN c.tally > _rule_max[c.rule] THEN 'failed'
                              WHEN c.class = 'transient' AND c.infra_since
                                   < clock_timestamp() - swarm.milliseconds(nullif(_infra_deadline_ms, 0)) THEN 'failed'
                              ELSE 'attempt_failed' END
                    WHEN c.tally >= c.attempts_max THEN 'failed'
                    -- The same failure again, and nothing about the next attempt would be new.
                    WHEN c.profile >= c.ladder THEN 'review_requested'
                    ELSE 'attempt_failed' END AS verdict
        FROM tallied c
    ), decided AS MATERIALIZED (
        SELECT ticket_id, fence, node_id, attempt, claimed_at, class, place, NULL::integer AS attempts,
               NULL::integer AS infra_retries, NULL::integer AS check_retries, NULL::integer AS throttles,
               NULL::integer AS auth_denials, NULL::integer AS budget_denials, NULL AS reason, NULL::integer AS profile,
               false AS goes_on,
               'completed'::swarm.event_kind AS kind, 0::bigint AS delay_ms
        FROM held WHERE class = 'completed'
        UNION ALL
        SELECT ticket_id, fence, node_id, attempt, claimed_at, class, place, attempts,
               infra_retries, check_retries, throttles, auth_denials, budget_denials,
               CASE WHEN j.verdict = 'failed' AND j.class IN ('transient', 'throttled', 'auth', 'budget')
                    THEN 'infra_exhausted' END,
               CASE WHEN j.verdict = 'attempt_failed' AND j.ladder > j.profile THEN j.profile + 1 END,
               j.waits AND j.class IN ('transient', 'throttled', 'auth', 'budget')
                   AND NOT coalesce((_details[j.place]::jsonb -> 'begins_anew')::boolean, false),
               CASE WHEN j.cancel_requested_at IS NOT NULL
                         AND j.verdict IN ('attempt_failed', 'released', 'snoozed', 'waiting', 'review_requested')
                    THEN 'cancelled' ELSE j.verdict END::swarm.event_kind,
               CASE WHEN j.verdict = 'snoozed' THEN _retry_after_ms[j.place]
                    WHEN j.verdict = 'review_requested' AND j.ladder IS NOT NULL THEN _review_ms
                    WHEN j.verdict = 'waiting' THEN greatest(0, least(
                        _retry_after_ms[j.place], ceil(extract(epoch FROM j.deadline_at - clock_timestamp()) * 1000)))
                    WHEN j.verdict = 'review_requested' THEN coalesce(nullif(_retry_after_ms[j.place], 0), _review_ms)
                    WHEN j.verdict = 'attempt_failed' THEN greatest(
                        -- What was asked for and up to a fifth more: a crowd that was sent away together ...
                        ceil(_retry_after_ms[j.place] * (1 + random() / 5)),
                        -- ... or failed together doesn't come back together. Exponential with full jitter.
                        ceil(random() * least(_rule_longest_ms[j.rule],
                                              _rule_first_ms[j.rule] * power(2, least(30, j.tally - 1)))))
                    ELSE 0 END::bigint
        FROM judged j
        ORDER BY ticket_id -- the order in which everybody locks tickets
    ), freed AS (
        DELETE FROM swarm.leases l USING decided d WHERE l.ticket_id = d.ticket_id
    ), written AS (
        UPDATE swarm.tickets t
        SET attempts = CASE WHEN d.kind = 'review_requested' THEN t.attempts ELSE coalesce(d.attempts, t.attempts) END,
            infra_retries = coalesce(d.infra_retries, t.infra_retries),
            check_retries = coalesce(d.check_retries, t.check_retries), throttles = coalesce(d.throttles, t.throttles),
            auth_denials = coalesce(d.auth_denials, t.auth_denials),
            budget_denials = coalesce(d.budget_denials, t.budget_denials), end_reason = d.reason,
            signature = CASE WHEN d.class IN ('content', 'crash', 'timeout', 'check_failed', 'permanent')
                             THEN _signatures[d.place] ELSE t.signature END,
            profile = coalesce(d.profile, t.profile),
            route = CASE WHEN d.profile IS NULL THEN t.route ELSE swarm.route_at(t.id, d.profile) END,
            -- What reached the work, or its check, ends the stretch.
            infra_since = CASE WHEN d.class = 'transient' THEN coalesce(t.infra_since, clock_timestamp())
                               WHEN d.class IN ('content', 'crash', 'timeout', 'check_failed', 'check_error', 'review',
                                                'snoozed', 'waiting')
                               THEN NULL ELSE t.infra_since END,
            final_state = CASE d.kind WHEN 'completed' THEN 'completed'::swarm.final_state
                                      WHEN 'failed'    THEN 'failed'::swarm.final_state
                                      WHEN 'cancelled' THEN 'cancelled'::swarm.final_state END,
            finished_at = CASE WHEN d.kind IN ('completed', 'failed', 'cancelled') THEN clock_timestamp() END
        FROM decided d
        WHERE t.id = d.ticket_id AND d.kind <> 'released' AND (d.kind NOT IN ('snoozed', 'waiting') OR t.infra_since IS NOT NULL)
    ), delayed AS (
        INSERT INTO swarm.scheduled (ticket_id, run_at)
        SELECT ticket_id, clock_timestamp() + swarm.milliseconds(delay_ms) FROM decided
        WHERE kind IN ('attempt_failed', 'snoozed', 'waiting')
    ), put_off AS (
        INSERT INTO swarm.waits AS w (ticket_id, fence, attempt, node_id, began_at, since, ends_at, reason, continuation)
        SELECT d.ticket_id, d.fence, d.attempt, d.node_id, d.claimed_at, clock_timestamp(),
               CASE WHEN t.timeout_ms > 0 THEN d.claimed_at + swarm.milliseconds(t.timeout_ms) END, _evidence[d.place],
               coalesce(_details[d.place], '{}')::jsonb
        FROM decided d JOIN swarm.tickets t ON t.id = d.ticket_id WHERE d.kind = 'waiting'
        ON CONFLICT (ticket_id) DO UPDATE
        SET looks = w.looks + 1, reason = excluded.reason, continuation = excluded.continuation
    ), waited AS (
        DELETE FROM swarm.waits w USING decided d
        WHERE w.ticket_id = d.ticket_id AND d.kind NOT IN ('waiting', 'released')
          AND NOT (d.goes_on AND d.kind = 'attempt_failed')
    ), asked AS (
        INSERT INTO swarm.reviews (ticket_id, fence, attempt, reason, asked_at, expires_at)
        SELECT ticket_id, fence, attempt, swarm.review_reason(class, _evidence[place]), clock_timestamp(),
               clock_timestamp() + swarm.milliseconds(delay_ms)
        FROM decided WHERE kind = 'review_requested'
    ), kept AS (
        INSERT INTO swarm.attempts (ticket_id, fence, attempt, node_id, class, clock, evidence, exit_code, output,
                                    output_bytes, started_at, details, signature)
        SELECT ticket_id, fence, attempt, node_id, class, nullif(_clocks[place], ''), _evidence[place],
               _exit_codes[place], _outputs[place], _output_bytes[place], claimed_at, _details[place]::jsonb,
               _signatures[place]
        FROM decided WHERE (_evidence[place] <> '' OR kind = 'review_requested') AND kind <> 'waiting'
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, fence, node_id, actor, data)
        SELECT ticket_id, kind, attempt, CASE WHEN _by_holder THEN fence END, node_id, _actor,
               CASE WHEN kind <> 'completed'
                    THEN jsonb_strip_nulls(jsonb_build_object(
                             'class', class, 'clock', nullif(_clocks[place], ''), 'evidence', _evidence[place],
                             'reason', reason, 'signature', _signatures[place], 'profile', profile,
                             'delay_ms', CASE WHEN kind IN ('attempt_failed', 'snoozed', 'waiting', 'review_requested')
                                              THEN delay_ms END,
                             'waiting', CASE WHEN goes_on AND kind = 'attempt_failed' THEN true END,
                             'continuation', CASE WHEN kind = 'waiting' THEN _details[place]::jsonb END,
                             'lost_fence', CASE WHEN NOT _by_holder THEN fence END)) END
        FROM decided
    )
    SELECT array_agg(place), array_agg(kind), array_agg(delay_ms),
           coalesce(array_agg(ticket_id) FILTER (WHERE kind = 'completed'), '{}'),
           coalesce(array_agg(ticket_id) FILTER (WHERE kind IN ('failed', 'cancelled')), '{}'),
           coalesce(array_agg(ticket_id ORDER BY place) FILTER (WHERE kind = 'released'), '{}')
    INTO _places, _kinds, _delays, _completed, _closed, _released FROM decided;

    -- Before anything is queued: a claim holds gates when it comes to the turns of a queue.
    IF _news IS NOT NULL THEN
        PERFORM swarm.hear(array_agg(_ticket_ids[p] ORDER BY p), array_agg(_fences[p] ORDER BY p),
                           array_agg(_news[p]::jsonb ORDER BY p), array_agg(_evidence[p] ORDER BY p),
                           _rule_max[_breaker], _rule_first_ms[_breaker], _rule_longest_ms[_breaker])
        FROM unnest(_places) AS p WHERE _news[p] IS NOT NULL HAVING count(*) > 0;
    END IF;

    -- Statements of their own on purpose: under READ COMMITTED each has its own snapshot, and so sees every dependency
    -- that was committed while the first one waited for its row locks. In one statement with it, a child could be
    -- stranded.
    IF cardinality(_completed) > 0 THEN
        SELECT u.unblocked, u.handed_over INTO _unblocked, _handed_over FROM swarm.unblock(_completed) u;
    END IF;
    IF cardinality(_closed) > 0 THEN
        _handed_over := _handed_over + swarm.closed(_closed);
    END IF;
    IF cardinality(_released) > 0 THEN
        PERFORM swarm.make_ready(_released);
    END IF;

    RETURN QUERY
    SELECT _ticket_ids[s.place], _fences[s.place], s.answer, s.event, s.delay_ms, _unblocked, _handed_over
    FROM (SELECT d.place, 'ok' AS answer, d.kind::text AS event, d.delay_ms
          FROM unnest(_places, _kinds, _delays) AS d (place, kind, delay_ms)
          UNION ALL
          SELECT l.place, CASE WHEN EXISTS (SELECT FROM swarm.ticket_events e
                                            WHERE e.ticket_id = _ticket_ids[l.place] AND e.fence = _fences[l.place]
                                              AND e.kind <> 'claimed') THEN 'again' ELSE 'lost' END, '', 0
          FROM (SELECT generate_subscripts(_ticket_ids, 1)::bigint EXCEPT SELECT unnest(_places)) AS l (place)
         ) AS s
    ORDER BY s.place;
END $$;
