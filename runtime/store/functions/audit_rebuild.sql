-- Writes what the log says into an empty schema, which gets the tables of this one: tickets with their states and
-- counters, edges, what waits, runs or is due, and what the cascade still has to do. Of a work list the log says only that
-- there was one: the cascade begins anew with those dependents that nothing else would release. Output of attempts and
-- heartbeats are not in the log. Answers how many tickets that makes.
DROP FUNCTION IF EXISTS swarm.audit_rebuild;
CREATE FUNCTION swarm.audit_rebuild(_schema text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET enable_seqscan = on SET enable_hashjoin = on SET enable_mergejoin = on AS $$
DECLARE
    _table   text;
    _rebuilt bigint;
BEGIN
    IF to_regnamespace(quote_ident(_schema)) IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I', _schema);
    ELSIF EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(_schema))) THEN
        RAISE EXCEPTION 'schema % isn''t empty', _schema USING ERRCODE = 'SW002';
    END IF;
    FOREACH _table IN ARRAY '{tickets,dependencies,ready,scheduled,blocked,leases,unique_keys,deadlines,cascade_work,reviews,
                             waits}'::text[] LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE swarm.%I INCLUDING ALL)', _schema, _table, _table);
    END LOOP;
    _rebuilt := swarm.rebuild_tickets(_schema);
    PERFORM swarm.rebuild_edges(_schema);
    PERFORM swarm.rebuild_places(_schema);
    RETURN _rebuilt;
END $$;

DROP FUNCTION IF EXISTS swarm.rebuild_tickets;
CREATE FUNCTION swarm.rebuild_tickets(_schema text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _rebuilt bigint;
BEGIN
    EXECUTE format($sql$
        INSERT INTO %1$I.tickets (id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms, payload,
                                  payload_hash, created_at, run_at, queue_timeout_ms, start_timeout_ms,
                                  progress_timeout_ms, deadline_at, group_key, unique_key, spawned_by, depth, attempts,
                                  infra_retries, check_retries, throttles, auth_denials, budget_denials, reclaims,
                                  infra_since, end_reason, profile, signature, route, final_state, finished_at,
                                  checks_hash)
        SELECT r.ticket_id, t.graph_id, t.key, q.id, coalesce(p.data ->> 'kind', t.kind), t.priority,
               coalesce((p.data ->> 'attempts_max')::smallint, t.attempts_max),
               coalesce((p.data ->> 'timeout_ms')::bigint, t.timeout_ms),
               b.data -> 'payload', decode(b.data ->> 'payload_hash', 'hex'), s.at,
               CASE WHEN again.id IS NULL THEN greatest(t.run_at, moved.run_at) ELSE moved.run_at END,
               coalesce(t.queue_timeout_ms, 0), coalesce(t.start_timeout_ms, 0), coalesce(t.progress_timeout_ms, 0),
               CASE WHEN again.id IS NULL THEN t.deadline_at END, t.group_key, t.unique_key, t.spawned_by,
               coalesce(t.depth, 0), r.attempts, r.infra_retries, r.check_retries, r.throttles, r.auth_denials,
               r.budget_denials, r.reclaims, trouble.since, r.end_reason, r.profile, r.signature,
               swarm.route_of(coalesce(p.data ->> 'kind', t.kind),
                              swarm.with_profile(coalesce(b.data -> 'payload', large.body), r.profile)::text),
               CASE WHEN r.state IN ('completed', 'failed', 'cancelled') THEN r.state::swarm.final_state END,
               CASE WHEN r.state IN ('completed', 'failed', 'cancelled') THEN r.at END,
               swarm.checks_hash(coalesce(b.data -> 'payload', (SELECT o.body FROM swarm.blobs o
                                                                WHERE o.hash = decode(b.data ->> 'payload_hash', 'hex'))))
        FROM swarm.replayed() r
        JOIN swarm.ticket_events s ON s.ticket_id = r.ticket_id AND s.kind = 'submitted'
        LEFT JOIN LATERAL (SELECT e.data FROM swarm.ticket_events e WHERE e.ticket_id = r.ticket_id
                           AND e.kind = 'replaced' ORDER BY e.id DESC LIMIT 1) p ON true
        CROSS JOIN LATERAL (SELECT coalesce(p.data, s.data) AS data) b
        CROSS JOIN LATERAL (SELECT max(e.id) AS id FROM swarm.ticket_events e
                            WHERE e.ticket_id = r.ticket_id AND e.kind = 'retried') again
        CROSS JOIN LATERAL (SELECT max((e.data ->> 'run_at')::timestamptz) AS run_at FROM swarm.ticket_events e
                            WHERE e.ticket_id = r.ticket_id AND e.kind = 'blocked'
                              AND e.id > coalesce(again.id, 0)) moved
        CROSS JOIN LATERAL (SELECT max(e.id) AS id FROM swarm.ticket_events e
                            WHERE e.ticket_id = r.ticket_id AND (e.kind = 'retried' OR e.data ->> 'class' IN
                                ('content', 'crash', 'timeout', 'check_failed', 'check_error', 'review', 'snoozed',
                                 'waiting'))) reached
        CROSS JOIN LATERAL (SELECT min(e.at) AS since FROM swarm.ticket_events e
                            WHERE e.ticket_id = r.ticket_id AND e.data ->> 'class' = 'transient'
                              AND e.id > coalesce(reached.id, 0)) trouble
        CROSS JOIN LATERAL jsonb_to_record(s.data) AS t (
            graph_id bigint, key text, queue text, kind text, priority smallint, attempts_max smallint,
            timeout_ms bigint, run_at timestamptz, queue_timeout_ms bigint, start_timeout_ms bigint,
            progress_timeout_ms bigint, deadline_at timestamptz, group_key text, unique_key text, spawned_by bigint,
            depth smallint)
        JOIN swarm.queues q ON q.name = t.queue
        LEFT JOIN swarm.blobs large ON large.hash = decode(b.data ->> 'payload_hash', 'hex')$sql$, _schema);
    GET DIAGNOSTICS _rebuilt = ROW_COUNT;
    EXECUTE format($sql$
        INSERT INTO %1$I.unique_keys (key, ticket_id)
        SELECT unique_key, id FROM %1$I.tickets WHERE unique_key IS NOT NULL AND final_state IS NULL$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.deadlines (ticket_id, at)
        SELECT id, deadline_at FROM %1$I.tickets WHERE deadline_at IS NOT NULL AND final_state IS NULL$sql$, _schema);
    RETURN _rebuilt;
END $$;

DROP FUNCTION IF EXISTS swarm.rebuild_edges;
CREATE FUNCTION swarm.rebuild_edges(_schema text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE format($sql$
        INSERT INTO %1$I.dependencies (parent_id, child_id, on_failure, counted)
        SELECT e.* FROM swarm.replayed_edges() e JOIN %1$I.tickets p ON p.id = e.parent_id$sql$, _schema);
    -- Blocked with nothing left to wait for: a completion is on its way to it, and to all behind it.
    EXECUTE format($sql$
        INSERT INTO %1$I.cascade_work (parent_id, ending, after_child)
        SELECT d.parent_id, 'completed', min(d.child_id) - 1
        FROM (SELECT max(d.parent_id) AS parent_id, d.child_id
              FROM swarm.replayed() r
              JOIN %1$I.dependencies d ON d.child_id = r.ticket_id AND d.counted
              JOIN %1$I.tickets p ON p.id = d.parent_id
              WHERE r.state = 'blocked'
              GROUP BY d.child_id HAVING bool_and(p.final_state IS NOT DISTINCT FROM 'completed')) d
        GROUP BY d.parent_id$sql$, _schema);
    -- A failure that has yet to reach dependents which go with it or on without it. Whoever was retried since then has
    -- been reached.
    EXECUTE format($sql$
        INSERT INTO %1$I.cascade_work (parent_id, ending, after_child)
        SELECT p.id, p.final_state, min(d.child_id) - 1
        FROM %1$I.tickets p
        JOIN swarm.replayed() r ON r.ticket_id = p.id
        JOIN %1$I.dependencies d ON d.parent_id = p.id
        JOIN %1$I.tickets c ON c.id = d.child_id AND c.final_state IS NULL
        WHERE p.final_state IN ('failed', 'cancelled')
          AND (d.on_failure = 'cancel' OR (d.on_failure = 'ignore' AND d.counted))
          AND NOT EXISTS (SELECT FROM swarm.ticket_events e
                          WHERE e.ticket_id = c.id AND e.id > r.event_id AND e.kind IN ('retried', 'cancel_requested'))
        GROUP BY p.id, p.final_state$sql$, _schema);
END $$;

DROP FUNCTION IF EXISTS swarm.rebuild_places;
CREATE FUNCTION swarm.rebuild_places(_schema text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE format($sql$
        INSERT INTO %1$I.ready (queue_id, rank, ticket_id, queued_at, expires_at, group_key, route)
        SELECT t.queue_id, swarm.rank_of(q, t.priority, r.at), t.id, r.at,
               CASE WHEN t.queue_timeout_ms > 0 THEN r.at + swarm.milliseconds(t.queue_timeout_ms) END, t.group_key,
               t.route
        FROM swarm.replayed() r JOIN %1$I.tickets t ON t.id = r.ticket_id JOIN swarm.queues q ON q.id = t.queue_id
        WHERE r.state = 'ready' AND (t.run_at IS NULL OR t.run_at <= r.at) ORDER BY r.at, t.id$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.scheduled (ticket_id, run_at)
        SELECT r.ticket_id, coalesce(r.run_at, t.run_at, r.at)
        FROM swarm.replayed() r JOIN %1$I.tickets t ON t.id = r.ticket_id
        WHERE r.state IN ('scheduled', 'waiting') OR (r.state = 'ready' AND t.run_at > r.at)$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.blocked (ticket_id, remaining)
        SELECT r.ticket_id,
               (SELECT count(*) FROM %1$I.dependencies d JOIN %1$I.tickets p ON p.id = d.parent_id
                WHERE d.child_id = r.ticket_id AND d.counted
                  AND (p.final_state IS DISTINCT FROM 'completed'
                       OR EXISTS (SELECT FROM %1$I.cascade_work w
                                  WHERE w.parent_id = p.id AND w.ending = 'completed' AND w.after_child < d.child_id)))
        FROM swarm.replayed() r WHERE r.state = 'blocked'$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.leases (ticket_id, fence, node_id, attempt, queue_id, claimed_at, last_heartbeat,
                                 start_timeout_ms, progress_timeout_ms, deadline_at, deadline_clock,
                                 cancel_requested_at)
        SELECT t.id, r.fence, r.node_id, r.attempt, t.queue_id, r.at, r.at, t.start_timeout_ms, t.progress_timeout_ms,
               least(c.attempt_ends_at, t.deadline_at),
               CASE WHEN t.deadline_at <= c.attempt_ends_at OR (t.deadline_at IS NOT NULL AND t.timeout_ms = 0)
                    THEN 'deadline' WHEN t.timeout_ms > 0 THEN 'attempt' END,
               (SELECT min(e.at) FROM swarm.ticket_events e
                WHERE e.ticket_id = t.id AND e.id > r.event_id AND e.kind = 'cancel_requested')
        FROM swarm.replayed() r JOIN %1$I.tickets t ON t.id = r.ticket_id
        CROSS JOIN LATERAL (SELECT CASE WHEN t.timeout_ms > 0
                                        THEN r.at + swarm.milliseconds(t.timeout_ms) END AS attempt_ends_at) c
        WHERE r.state = 'in_progress'$sql$, _schema);
    PERFORM swarm.rebuild_waits(_schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.reviews (ticket_id, fence, attempt, reason, asked_at, expires_at)
        SELECT r.ticket_id, r.fence, r.attempt, swarm.review_reason(e.data ->> 'class', e.data ->> 'evidence'), r.at, r.run_at
        FROM swarm.replayed() r JOIN swarm.ticket_events e ON e.ticket_id = r.ticket_id AND e.id = r.event_id
        WHERE r.state = 'in_review'$sql$, _schema);
END $$;

-- Who waits: has said so since the last end of an attempt that was one, and isn't final. A lease that goes on with it has
-- its clock.
DROP FUNCTION IF EXISTS swarm.rebuild_waits;
CREATE FUNCTION swarm.rebuild_waits(_schema text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE format($sql$
        INSERT INTO %1$I.waits (ticket_id, fence, attempt, node_id, began_at, since, ends_at, looks, reason, continuation)
        SELECT t.id, f.fence, f.attempt, f.node_id, c.at, f.at,
               CASE WHEN t.timeout_ms > 0 THEN c.at + swarm.milliseconds(t.timeout_ms) END, n.looks,
               z.data ->> 'evidence', coalesce(z.data -> 'continuation', '{}')
        FROM swarm.replayed() r
        JOIN %1$I.tickets t ON t.id = r.ticket_id
        CROSS JOIN LATERAL (SELECT coalesce(max(e.id), 0) AS id FROM swarm.ticket_events e
                            WHERE e.ticket_id = t.id AND (e.kind = 'retried' OR e.data ->> 'class' IN
                                ('content', 'crash', 'timeout', 'check_failed', 'check_error', 'review', 'snoozed'))) reached
        CROSS JOIN LATERAL (SELECT min(e.id) AS first, max(e.id) AS last, count(*) - 1 AS looks FROM swarm.ticket_events e
                            WHERE e.ticket_id = t.id AND e.id > reached.id AND e.kind = 'waiting') n
        JOIN swarm.ticket_events f ON f.ticket_id = t.id AND f.id = n.first
        JOIN swarm.ticket_events z ON z.ticket_id = t.id AND z.id = n.last
        JOIN swarm.ticket_events c ON c.ticket_id = t.id AND c.fence = f.fence AND c.kind = 'claimed'
        WHERE t.final_state IS NULL AND r.state <> 'in_review'$sql$, _schema);
    EXECUTE format($sql$
        UPDATE %1$I.leases l
        SET deadline_at = least(w.ends_at, t.deadline_at),
            deadline_clock = CASE WHEN t.deadline_at <= w.ends_at OR (t.deadline_at IS NOT NULL AND t.timeout_ms = 0)
                                  THEN 'deadline' WHEN t.timeout_ms > 0 THEN 'attempt' END
        FROM %1$I.waits w JOIN %1$I.tickets t ON t.id = w.ticket_id WHERE l.ticket_id = w.ticket_id$sql$, _schema);
END $$;
