-- What the log alone says about every ticket: the state that its last event left it in, its counters, and where it stands
-- on its ladder of profiles.
DROP FUNCTION IF EXISTS swarm.replayed CASCADE;
CREATE FUNCTION swarm.replayed()
RETURNS TABLE (ticket_id bigint, state text, end_reason text, attempts bigint, infra_retries bigint, check_retries bigint,
               throttles bigint, auth_denials bigint, budget_denials bigint, reclaims bigint, fence bigint,
               node_id bigint, attempt smallint, event_id bigint, at timestamptz, run_at timestamptz, profile smallint,
               signature text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH retries AS (
        SELECT ticket_id, max(id) FILTER (WHERE kind = 'retried') AS id, max(id) AS renewed
        FROM swarm.ticket_events WHERE kind IN ('retried', 'replaced') GROUP BY ticket_id
    ), counted AS (
        SELECT e.ticket_id,
               count(*) FILTER (WHERE e.attempt IS NOT NULL AND e.kind <> 'review_requested' AND e.data ->> 'class' IN
                                ('content', 'crash', 'timeout', 'check_failed', 'permanent')) AS attempts,
               max((e.data ->> 'profile')::smallint) FILTER (WHERE e.id > coalesce(r.renewed, 0)) AS profile,
               (array_agg(e.data ->> 'signature' ORDER BY e.id DESC) FILTER (
                    WHERE e.id > coalesce(r.renewed, 0) AND e.attempt IS NOT NULL AND e.data ->> 'class' IN
                          ('content', 'crash', 'timeout', 'check_failed', 'permanent')))[1] AS signature,
               count(*) FILTER (WHERE e.data ->> 'class' = 'transient') AS infra_retries,
               count(*) FILTER (WHERE e.data ->> 'class' = 'check_error') AS check_retries,
               count(*) FILTER (WHERE e.data ->> 'class' = 'throttled') AS throttles,
               count(*) FILTER (WHERE e.data ->> 'class' = 'auth') AS auth_denials,
               count(*) FILTER (WHERE e.data ->> 'class' = 'budget') AS budget_denials,
               count(*) FILTER (WHERE e.data ->> 'class' = 'reclaim') AS reclaims
        FROM swarm.ticket_events e LEFT JOIN retries r ON r.ticket_id = e.ticket_id
        WHERE e.id > coalesce(r.id, 0)
        GROUP BY e.ticket_id
    ), last AS (
        SELECT DISTINCT ON (ticket_id) ticket_id, id, kind, fence, node_id, attempt, at, data
        FROM swarm.ticket_events
        WHERE kind NOT IN ('cancel_requested', 'repaired', 'replaced', 'dependency_added', 'dependency_ignored',
                           'breaker_opened', 'breaker_half_opened', 'breaker_closed')
        ORDER BY ticket_id, id DESC
    )
    SELECT l.ticket_id,
           CASE l.kind WHEN 'submitted' THEN l.data ->> 'place'
                       WHEN 'retried' THEN l.data ->> 'place'
                       WHEN 'claimed' THEN 'in_progress'
                       WHEN 'attempt_failed' THEN CASE WHEN (l.data -> 'waiting')::boolean THEN 'waiting' ELSE 'scheduled' END
                       WHEN 'waiting' THEN 'waiting'
                       WHEN 'snoozed' THEN 'scheduled'
                       WHEN 'review_requested' THEN 'in_review'
                       WHEN 'blocked' THEN 'blocked'
                       WHEN 'completed' THEN 'completed'
                       WHEN 'failed' THEN 'failed'
                       WHEN 'cancelled' THEN 'cancelled'
                       ELSE 'ready' END, -- unblocked, promoted, released, reclaimed
           CASE WHEN l.kind = 'failed' THEN l.data ->> 'reason' END,
           coalesce(c.attempts, 0), coalesce(c.infra_retries, 0), coalesce(c.check_retries, 0),
           coalesce(c.throttles, 0), coalesce(c.auth_denials, 0), coalesce(c.budget_denials, 0),
           coalesce(c.reclaims, 0), l.fence, l.node_id, l.attempt, l.id, l.at,
           l.at + swarm.milliseconds((l.data ->> 'delay_ms')::bigint), coalesce(c.profile, 0::smallint), c.signature
    FROM last l LEFT JOIN counted c ON c.ticket_id = l.ticket_id;
END $$;

-- What the log alone says about every edge: how it began, and whether its parent's failure was ignored since.
DROP FUNCTION IF EXISTS swarm.replayed_edges;
CREATE FUNCTION swarm.replayed_edges()
RETURNS TABLE (parent_id bigint, child_id bigint, on_failure swarm.edge_policy, counted boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (parent_id, child_id) parent_id, e.ticket_id AS child_id,
           (n.need ->> 1)::swarm.edge_policy,
           (n.need ->> 2)::boolean AND NOT EXISTS (
               SELECT FROM swarm.ticket_events i WHERE i.ticket_id = e.ticket_id AND i.kind = 'dependency_ignored'
                                                   AND (i.data ->> 'parent')::bigint = parent_id)
    FROM swarm.ticket_events e
    CROSS JOIN jsonb_array_elements(e.data -> 'needs') AS n (need)
    CROSS JOIN LATERAL (SELECT (n.need ->> 0)::bigint AS parent_id) p
    WHERE e.kind IN ('submitted', 'blocked', 'dependency_added')
    ORDER BY parent_id, child_id, e.id;
END $$;

-- Compares the log with the tables. A row per ticket that differs: what the log says and what the table says; and one per
-- edge, with the ticket that waits. Tickets whose beginning has been pruned, or is older than a log of whole tickets, are
-- left out.
DROP FUNCTION IF EXISTS swarm.audit_replay;
CREATE FUNCTION swarm.audit_replay() RETURNS TABLE (ticket_id bigint, log text, "table" text)
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET enable_hashjoin = on SET enable_mergejoin = on AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH said AS MATERIALIZED (
        SELECT r.ticket_id, r.state, format('%s %s/%s/%s/%s/%s/%s/%s/%s', concat_ws(' ', r.state, r.end_reason), r.attempts, r.infra_retries,
                                            r.check_retries, r.throttles, r.auth_denials, r.budget_denials,
                                            r.reclaims, r.profile) AS text
        FROM swarm.replayed() r WHERE r.ticket_id > (SELECT whole_after FROM swarm.pruning)
    ), held AS MATERIALIZED (
        SELECT v.id, v.state, v.run_at,
               format('%s %s/%s/%s/%s/%s/%s/%s/%s', concat_ws(' ', v.state, v.end_reason), v.attempts, v.infra_retries, v.check_retries, v.throttles,
                      v.auth_denials, v.budget_denials, v.reclaims, v.profile) AS text
        FROM swarm.tickets_view v
        WHERE v.created_at >= (SELECT events_before FROM swarm.pruning)
          AND v.id > (SELECT whole_after FROM swarm.pruning)
    ), specs_said AS MATERIALIZED (
        SELECT s.ticket_id,
               swarm.spec_text(coalesce(p.data ->> 'kind', s.data ->> 'kind'), s.data ->> 'queue', s.data ->> 'priority',
                               coalesce(p.data ->> 'attempts_max', s.data ->> 'attempts_max'),
                               coalesce(p.data ->> 'timeout_ms', s.data ->> 'timeout_ms'), s.data ->> 'group_key',
                               coalesce(p.data, s.data) -> 'payload', coalesce(p.data, s.data) ->> 'payload_hash') AS text
        FROM swarm.ticket_events s
        LEFT JOIN LATERAL (SELECT e.data FROM swarm.ticket_events e WHERE e.ticket_id = s.ticket_id AND e.kind = 'replaced'
                           ORDER BY e.id DESC LIMIT 1) p ON true
        WHERE s.kind = 'submitted'
    ), specs_held AS MATERIALIZED (
        SELECT t.id, swarm.spec_text(t.kind, q.name, t.priority::text, t.attempts_max::text, t.timeout_ms::text, t.group_key,
                                     t.payload, encode(t.payload_hash, 'hex')) AS text
        FROM held h JOIN swarm.tickets t ON t.id = h.id JOIN swarm.queues q ON q.id = t.queue_id
    ), edges_said AS MATERIALIZED (
        SELECT e.parent_id, e.child_id, format('needs %s: %s%s', e.parent_id, e.on_failure,
                                               CASE WHEN e.counted THEN ', counted' ELSE '' END) AS text
        FROM swarm.replayed_edges() e JOIN swarm.tickets p ON p.id = e.parent_id JOIN held h ON h.id = e.child_id
    ), edges_held AS MATERIALIZED (
        SELECT d.parent_id, d.child_id, format('needs %s: %s%s', d.parent_id, d.on_failure,
                                               CASE WHEN d.counted THEN ', counted' ELSE '' END) AS text
        FROM swarm.dependencies d JOIN held h ON h.id = d.child_id
    )
    SELECT coalesce(s.ticket_id, h.id), coalesce(s.text, 'nothing'), coalesce(h.text, 'nothing')
    FROM said s FULL JOIN held h ON h.id = s.ticket_id
    WHERE s.text IS DISTINCT FROM h.text
      -- Ready for its time, which hasn't come: the log says only that nothing else holds it up.
      AND NOT (s.state = 'ready' AND h.state = 'scheduled' AND replace(h.text, 'scheduled', 'ready') = s.text)
      AND NOT (h.id IS NULL AND EXISTS (SELECT FROM swarm.pruning p WHERE s.ticket_id <= p.last_ticket))
    UNION ALL
    SELECT s.ticket_id, s.text, h.text FROM specs_said s JOIN specs_held h ON h.id = s.ticket_id
    WHERE s.text IS DISTINCT FROM h.text
    UNION ALL
    SELECT coalesce(s.child_id, h.child_id), coalesce(s.text, 'nothing'), coalesce(h.text, 'nothing')
    FROM edges_said s FULL JOIN edges_held h ON h.parent_id = s.parent_id AND h.child_id = s.child_id
    WHERE s.text IS DISTINCT FROM h.text
    ORDER BY 1;
END $$;

-- What a ticket is, as one text.
DROP FUNCTION IF EXISTS swarm.spec_text;
CREATE FUNCTION swarm.spec_text(_kind text, _queue text, _priority text, _attempts text, _timeout_ms text, _group text,
                                _payload jsonb, _payload_hash text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%s in queue %s%s, priority %s, %s attempts, timeout %s ms, payload %s', _kind, _queue,
                  ', group ' || _group, _priority, _attempts, _timeout_ms,
                  coalesce(_payload_hash, left(encode(sha256(convert_to(_payload::text, 'UTF8')), 'hex'), 12)));
$$;
