-- What the log alone says about every ticket: the state that its last event left it in, and its counters.
DROP FUNCTION IF EXISTS swarm.replayed CASCADE;
CREATE FUNCTION swarm.replayed() RETURNS TABLE (ticket_id bigint, state text, attempts bigint, infra_retries bigint,
                                                check_retries bigint, deferrals bigint, reclaims bigint, fence bigint,
                                                node_id bigint, attempt smallint, at timestamptz, run_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH retries AS (
        SELECT ticket_id, max(id) AS id FROM swarm.ticket_events WHERE kind = 'retried' GROUP BY ticket_id
    ), counted AS (
        SELECT e.ticket_id,
               count(*) FILTER (WHERE e.attempt IS NOT NULL AND e.data ->> 'class' IN
                                ('content', 'crash', 'timeout', 'check_failed', 'permanent')) AS attempts,
               count(*) FILTER (WHERE e.data ->> 'class' = 'transient') AS infra_retries,
               count(*) FILTER (WHERE e.data ->> 'class' = 'check_error') AS check_retries,
               count(*) FILTER (WHERE e.data ->> 'class' IN ('throttled', 'auth', 'budget')) AS deferrals,
               count(*) FILTER (WHERE e.data ->> 'class' = 'reclaim') AS reclaims
        FROM swarm.ticket_events e LEFT JOIN retries r ON r.ticket_id = e.ticket_id
        WHERE e.id > coalesce(r.id, 0)
        GROUP BY e.ticket_id
    ), last AS (
        SELECT DISTINCT ON (ticket_id) ticket_id, kind, fence, node_id, attempt, at, data
        FROM swarm.ticket_events
        WHERE kind NOT IN ('cancel_requested', 'repaired', 'replaced')
        ORDER BY ticket_id, id DESC
    )
    SELECT l.ticket_id,
           CASE l.kind WHEN 'submitted' THEN l.data ->> 'place'
                       WHEN 'retried' THEN l.data ->> 'place'
                       WHEN 'claimed' THEN 'in_progress'
                       WHEN 'attempt_failed' THEN 'scheduled'
                       WHEN 'snoozed' THEN 'scheduled'
                       WHEN 'blocked' THEN 'blocked'
                       WHEN 'completed' THEN 'completed'
                       WHEN 'failed' THEN 'failed'
                       WHEN 'cancelled' THEN 'cancelled'
                       ELSE 'ready' END, -- unblocked, promoted, released, reclaimed
           coalesce(c.attempts, 0), coalesce(c.infra_retries, 0), coalesce(c.check_retries, 0),
           coalesce(c.deferrals, 0), coalesce(c.reclaims, 0), l.fence, l.node_id, l.attempt, l.at,
           l.at + swarm.milliseconds((l.data ->> 'delay_ms')::bigint)
    FROM last l LEFT JOIN counted c ON c.ticket_id = l.ticket_id;
END $$;

-- Compares the log with the tables. A row per ticket that differs: what the log says and what the table says. Tickets
-- whose beginning has been pruned, or is older than a log of whole tickets, are left out.
DROP FUNCTION IF EXISTS swarm.audit_replay;
CREATE FUNCTION swarm.audit_replay() RETURNS TABLE (ticket_id bigint, log text, "table" text)
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET enable_hashjoin = on SET enable_mergejoin = on AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH said AS MATERIALIZED (
        SELECT r.ticket_id, r.state, format('%s %s/%s/%s/%s/%s', r.state, r.attempts, r.infra_retries, r.check_retries,
                                            r.deferrals, r.reclaims) AS text
        FROM swarm.replayed() r WHERE r.ticket_id > (SELECT whole_after FROM swarm.pruning)
    ), held AS MATERIALIZED (
        SELECT v.id, v.state, v.run_at,
               format('%s %s/%s/%s/%s/%s', v.state, v.attempts, v.infra_retries, v.check_retries, v.deferrals,
                      v.reclaims) AS text
        FROM swarm.tickets_view v
        WHERE v.created_at >= (SELECT events_before FROM swarm.pruning)
          AND v.id > (SELECT whole_after FROM swarm.pruning)
    )
    SELECT coalesce(s.ticket_id, h.id), coalesce(s.text, 'nothing'), coalesce(h.text, 'nothing')
    FROM said s FULL JOIN held h ON h.id = s.ticket_id
    WHERE s.text IS DISTINCT FROM h.text
      -- Ready for its time, which hasn't come: the log says only that nothing else holds it up.
      AND NOT (s.state = 'ready' AND h.state = 'scheduled' AND replace(h.text, 'scheduled', 'ready') = s.text)
      AND NOT (h.id IS NULL AND EXISTS (SELECT FROM swarm.pruning p WHERE s.ticket_id <= p.last_ticket))
    ORDER BY 1;
END $$;

-- Writes what the log says into an empty schema, which gets the tables of this one: tickets with their states and
-- counters, edges, and what waits or runs. Answers how many tickets that makes.
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
    FOREACH _table IN ARRAY '{tickets,dependencies,ready,scheduled,blocked,leases,unique_keys}'::text[] LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE swarm.%I INCLUDING ALL)', _schema, _table, _table);
    END LOOP;

    EXECUTE format($sql$
        INSERT INTO %1$I.tickets (id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms, payload,
                                  payload_hash, created_at, run_at, queue_timeout_ms, start_timeout_ms,
                                  progress_timeout_ms, deadline_at, group_key, unique_key, spawned_by, depth,
                                  attempts, infra_retries, check_retries, deferrals, reclaims, final_state, finished_at)
        SELECT r.ticket_id, t.graph_id, t.key, q.id, coalesce(p.data ->> 'kind', t.kind), t.priority,
               coalesce((p.data ->> 'attempts_max')::smallint, t.attempts_max),
               coalesce((p.data ->> 'timeout_ms')::bigint, t.timeout_ms), coalesce(p.data -> 'payload', CASE WHEN t.payload_hash IS NULL THEN t.payload END),
               CASE WHEN p.data IS NULL THEN decode(t.payload_hash, 'hex') END, s.at,
               CASE WHEN NOT again THEN t.run_at END, coalesce(t.queue_timeout_ms, 0), coalesce(t.start_timeout_ms, 0),
               coalesce(t.progress_timeout_ms, 0), CASE WHEN NOT again THEN t.deadline_at END, t.group_key,
               t.unique_key, t.spawned_by, coalesce(t.depth, 0), r.attempts, r.infra_retries, r.check_retries, r.deferrals, r.reclaims,
               CASE WHEN r.state IN ('completed', 'failed', 'cancelled') THEN r.state::swarm.final_state END,
               CASE WHEN r.state IN ('completed', 'failed', 'cancelled') THEN r.at END
        FROM swarm.replayed() r
        JOIN swarm.ticket_events s ON s.ticket_id = r.ticket_id AND s.kind = 'submitted'
        LEFT JOIN LATERAL (SELECT e.data FROM swarm.ticket_events e WHERE e.ticket_id = r.ticket_id
                           AND e.kind = 'replaced' ORDER BY e.id DESC LIMIT 1) p ON true
        CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM swarm.ticket_events e WHERE e.ticket_id = r.ticket_id
                                           AND e.kind = 'retried') AS again) a
        CROSS JOIN LATERAL jsonb_to_record(s.data) AS t (
            graph_id bigint, key text, queue text, kind text, priority smallint, attempts_max smallint, timeout_ms bigint,
            payload jsonb, payload_hash text, run_at timestamptz, queue_timeout_ms bigint, start_timeout_ms bigint,
            progress_timeout_ms bigint, deadline_at timestamptz, group_key text, unique_key text, spawned_by bigint,
            depth smallint)
        JOIN swarm.queues q ON q.name = t.queue$sql$, _schema);
    GET DIAGNOSTICS _rebuilt = ROW_COUNT;

    EXECUTE format($sql$
        INSERT INTO %1$I.dependencies (parent_id, child_id, on_failure, counted)
        SELECT DISTINCT ON (1, 2) (n ->> 0)::bigint, s.ticket_id, (n ->> 1)::swarm.edge_policy, (n ->> 2)::boolean
        FROM swarm.ticket_events s CROSS JOIN jsonb_array_elements(s.data -> 'needs') AS n
        WHERE s.kind IN ('submitted', 'blocked')$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.ready (queue_id, rank, ticket_id, group_key)
        SELECT t.queue_id, t.priority, t.id, t.group_key
        FROM swarm.replayed() r JOIN %1$I.tickets t ON t.id = r.ticket_id WHERE r.state = 'ready' ORDER BY t.id$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.scheduled (ticket_id, run_at)
        SELECT r.ticket_id, coalesce(r.run_at, t.run_at, r.at)
        FROM swarm.replayed() r JOIN %1$I.tickets t ON t.id = r.ticket_id WHERE r.state = 'scheduled'$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.blocked (ticket_id, remaining)
        SELECT r.ticket_id, greatest(1, (SELECT count(*) FROM %1$I.dependencies d JOIN %1$I.tickets p ON p.id = d.parent_id
                                         WHERE d.child_id = r.ticket_id AND d.counted
                                           AND p.final_state IS DISTINCT FROM 'completed'))
        FROM swarm.replayed() r WHERE r.state = 'blocked'$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.leases (ticket_id, fence, node_id, attempt, queue_id, claimed_at, last_heartbeat)
        SELECT r.ticket_id, r.fence, r.node_id, r.attempt, t.queue_id, r.at, r.at
        FROM swarm.replayed() r JOIN %1$I.tickets t ON t.id = r.ticket_id WHERE r.state = 'in_progress'$sql$, _schema);
    EXECUTE format($sql$
        INSERT INTO %1$I.unique_keys (key, ticket_id)
        SELECT unique_key, id FROM %1$I.tickets WHERE unique_key IS NOT NULL AND final_state IS NULL$sql$, _schema);
    RETURN _rebuilt;
END $$;
