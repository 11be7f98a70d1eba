-- Ends attempts. Each (ticket, fence) comes with the class of its outcome; what that means for the ticket is decided
-- here, from its own counters and limits:
--   completed                         -> completed, and its dependents are released
--   content, crash, timeout,
--   check_failed                      -> uses an attempt: scheduled again after a backoff, or failed when none is left
--   check_error                       -> the check couldn't run: never passes; own limit, own counter
--   transient                         -> no fault of the ticket: own limit, own counter
--   permanent                         -> failed, whatever is left
--   released                          -> ready again at once, nothing counted
--   cancelled                         -> cancelled
-- What would run the ticket again ends it as cancelled when an operator has asked for that meanwhile.
-- Answers per ticket: 'ok'; 'again' when this very fence has settled it before (the caller never heard the answer);
-- 'lost' when the lease is gone and the caller has no say any more. Only 'ok' changed anything.
DROP FUNCTION IF EXISTS swarm.settle;
CREATE FUNCTION swarm.settle(
    _ticket_ids bigint[], _fences bigint[], _classes text[], _evidence text[], _exit_codes integer[],
    _outputs bytea[], _output_bytes bigint[],
    _backoff_first_ms bigint, _backoff_max_ms bigint, _infra_retries_max integer, _check_retries_max integer)
RETURNS TABLE (ticket_id bigint, fence bigint, answer text, event text, delay_ms bigint, unblocked integer)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    _completed bigint[];
    _unblocked integer := 0;
    _settled   jsonb;
BEGIN
    WITH given AS MATERIALIZED (
        -- Once each: a caller that repeats itself in one batch must not write two histories. Evidence and output are
        -- fetched by place where they are written: carried along, every step below would copy them.
        SELECT DISTINCT ON (ticket_id, fence) *
        FROM unnest(_ticket_ids, _fences, _classes) WITH ORDINALITY AS g (ticket_id, fence, class, place)
        ORDER BY ticket_id, fence, place
    ), held AS MATERIALIZED (
        -- The guard of every write: ticket AND fence. In ticket order, so that no two batches wait for each other.
        SELECT l.ticket_id, l.fence, l.node_id, l.attempt, l.queue_id, l.priority, l.claimed_at, l.cancel_requested_at,
               g.class, g.place
        FROM swarm.leases l JOIN given g ON g.ticket_id = l.ticket_id AND g.fence = l.fence
        ORDER BY l.ticket_id
        FOR UPDATE OF l
    ), counted AS MATERIALIZED (
        SELECT h.*, t.attempts_max,
               t.attempts + (h.class IN ('content', 'crash', 'timeout', 'check_failed', 'permanent'))::integer
                   AS attempts,
               t.infra_retries + (h.class = 'transient')::integer   AS infra_retries,
               t.check_retries + (h.class = 'check_error')::integer AS check_retries
        FROM held h JOIN swarm.tickets t ON t.id = h.ticket_id
        ORDER BY h.ticket_id
    ), judged AS MATERIALIZED (
        SELECT c.*,
               CASE c.class
                   WHEN 'completed' THEN 'completed'
                   WHEN 'cancelled' THEN 'cancelled'
                   WHEN 'released'  THEN 'released'
                   WHEN 'permanent' THEN 'failed'
                   ELSE CASE WHEN CASE c.class WHEN 'transient'   THEN c.infra_retries > _infra_retries_max
                                               WHEN 'check_error' THEN c.check_retries > _check_retries_max
                                               ELSE c.attempts >= c.attempts_max END
                             THEN 'failed' ELSE 'attempt_failed' END
               END AS verdict
        FROM counted c
    ), decided AS MATERIALIZED (
        SELECT j.*,
               CASE WHEN j.cancel_requested_at IS NOT NULL AND j.verdict IN ('attempt_failed', 'released')
                    THEN 'cancelled' ELSE j.verdict END::swarm.event_kind AS kind,
               -- Exponential with full jitter: a crowd that failed together doesn't come back together.
               ceil(random() * least(_backoff_max_ms,
                    _backoff_first_ms * power(2, least(30, j.attempts + j.infra_retries + j.check_retries - 1))
                   ))::bigint AS delay_ms
        FROM judged j
    ), freed AS (
        DELETE FROM swarm.leases l USING decided d WHERE l.ticket_id = d.ticket_id
    ), written AS (
        UPDATE swarm.tickets t
        SET attempts = d.attempts, infra_retries = d.infra_retries, check_retries = d.check_retries,
            final_state = CASE WHEN d.kind IN ('completed', 'failed', 'cancelled')
                               THEN d.kind::text::swarm.final_state END,
            finished_at = CASE WHEN d.kind IN ('completed', 'failed', 'cancelled') THEN clock_timestamp() END
        FROM decided d
        WHERE t.id = d.ticket_id AND d.kind <> 'released'
    ), requeued AS (
        INSERT INTO swarm.ready (queue_id, priority, ticket_id)
        SELECT queue_id, priority, ticket_id FROM decided WHERE kind = 'released'
    ), delayed AS (
        INSERT INTO swarm.scheduled (ticket_id, run_at, queue_id, priority)
        SELECT ticket_id, clock_timestamp() + swarm.milliseconds(delay_ms), queue_id, priority
        FROM decided WHERE kind = 'attempt_failed'
    ), kept AS (
        INSERT INTO swarm.attempts (ticket_id, fence, attempt, node_id, class, evidence, exit_code, output,
                                    output_bytes, started_at)
        SELECT ticket_id, fence, attempt, node_id, class, _evidence[place], _exit_codes[place], _outputs[place],
               _output_bytes[place], claimed_at
        FROM decided WHERE _evidence[place] <> ''
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, fence, node_id, data)
        SELECT ticket_id, kind, attempt, fence, node_id,
               CASE WHEN kind = 'completed' THEN NULL
                    WHEN kind = 'attempt_failed'
                    THEN jsonb_build_object('class', class, 'evidence', _evidence[place], 'delay_ms', delay_ms)
                    ELSE jsonb_build_object('class', class, 'evidence', _evidence[place]) END
        FROM decided ORDER BY ticket_id
    )
    SELECT coalesce(array_agg(ticket_id) FILTER (WHERE kind = 'completed'), '{}'),
           coalesce(jsonb_object_agg(ticket_id || ':' || fence, jsonb_build_array(kind, delay_ms)), '{}')
    INTO _completed, _settled FROM decided;

    -- A second statement on purpose: under READ COMMITTED it has its own snapshot, and so sees every dependency that
    -- was committed while the first one waited for its row locks. In one statement with it, a child could be stranded.
    IF cardinality(_completed) > 0 THEN
        _unblocked := swarm.unblock(_completed);
    END IF;

    RETURN QUERY
    SELECT g.ticket_id, g.fence,
           CASE WHEN s.value IS NOT NULL THEN 'ok'
                WHEN EXISTS (SELECT FROM swarm.ticket_events e
                             WHERE e.ticket_id = g.ticket_id AND e.fence = g.fence AND e.kind <> 'claimed') THEN 'again'
                ELSE 'lost' END,
           coalesce(s.value ->> 0, ''),
           CASE WHEN s.value ->> 0 = 'attempt_failed' THEN (s.value ->> 1)::bigint ELSE 0 END,
           _unblocked
    FROM unnest(_ticket_ids, _fences) WITH ORDINALITY AS g (ticket_id, fence, place)
    CROSS JOIN LATERAL (SELECT _settled -> (g.ticket_id || ':' || g.fence) AS value) s
    ORDER BY g.place;
END $$;
