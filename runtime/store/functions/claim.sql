-- Claims up to _limit tickets of one queue for a node: takes them out of `ready`, writes a lease and an event for each.
-- Rows of other claimers are skipped, not waited for. One token serves the whole batch: (ticket, fence) is what every
-- later write must match.
--
-- _after_ranks and _after_seqs are how far the claimer has come: in a rank that is named, nothing up to that seq is
-- looked at. What was claimed leaves dead entries at the head of the index, and while any session holds an old snapshot
-- they stay; a claim that begins behind them doesn't wade through them. A seq that was committed late may lie before the
-- mark, so now and then, and when it finds nothing, the claimer comes without marks.
--
-- While a breaker is open or a limit is set, the routes that these cover are looked at apart (find_gates, pass_gates): what
-- they hold up is passed over, and the marks of others may lie behind it: `overtakes` says that a breaker does so, for the
-- claimer to look again from the head soon. _credentials: whose breakers and limits the claimer meets besides those of
-- everybody.
DROP FUNCTION IF EXISTS swarm.claim;
CREATE FUNCTION swarm.claim(_queue text, _limit integer, _node_id bigint, _after_ranks bigint[], _after_seqs bigint[],
                            _credentials text[] DEFAULT '{}')
RETURNS TABLE (ticket_id bigint, fence bigint, attempt smallint, attempts_max smallint, graph_id bigint, key text,
               kind text, payload text, timeout_ms bigint, deadline_clock text, start_timeout_ms bigint,
               progress_timeout_ms bigint, rank bigint, seq bigint, last_failure bytea, results text,
               checks_changed boolean, profile smallint, last_prompt text, continuation text, timeouts_in_row integer,
               overtakes boolean)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    _now   timestamptz := clock_timestamp();
    _at    swarm.queues;
    _fence bigint;
    _rows  tid[];
    _gates   swarm.gates;
    _covered text[] := '{}'; -- routes that aren't free
    _is_shut boolean := false; -- whether a breaker is open before one of them
    _through bigint[];       -- tickets that passed a gate, and their routes
    _routes  text[];
    _actor CONSTANT text := swarm.actor(); -- once, and not by the column's default for each row
BEGIN
    SELECT * INTO _at FROM swarm.queues q WHERE q.name = _queue AND q.paused_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM swarm.breakers b WHERE b.state <> 'closed') OR EXISTS (SELECT FROM swarm.limits) THEN
        _gates := swarm.find_gates(_at.id, _node_id, _credentials);
        _covered := _gates.covered;
        _is_shut := EXISTS (SELECT FROM swarm.breakers b JOIN unnest(_covered) AS w ON swarm.covers(b.route, w)
                            WHERE b.state <> 'closed' AND b.credential = ANY (swarm.identities(_node_id, _credentials)));
    END IF;
    IF _at.slots IS NOT NULL OR _at.slots_per_node IS NOT NULL OR _at.slots_per_key IS NOT NULL THEN
        _fence := swarm.next_fence();
        _rows := swarm.find_ready_with_slots(_at, _limit, _node_id, _fence, _gates);
    ELSIF cardinality(_after_ranks) > 0 AND NOT _at.is_fair AND _at.ageing_ms IS NULL THEN
        _rows := swarm.find_ready_after(_at.id, _limit, _after_ranks, _after_seqs, _covered);
    ELSE
        _rows := ARRAY(
            SELECT ctid FROM swarm.ready
            WHERE queue_id = _at.id AND (expires_at IS NULL OR expires_at > _now)
              AND (route IS NULL OR route <> ALL (_covered))
            ORDER BY rank, seq
            LIMIT _limit
            FOR UPDATE SKIP LOCKED); -- two claimers never see the same row, and none waits for the other
    END IF;
    IF _gates IS NOT NULL AND _fence IS NULL THEN
        _rows := swarm.pass_gates(_at.id, _limit, _rows, _gates);
    END IF;
    IF cardinality(_covered) > 0 THEN
        -- By their places alone: an index on routes leads through all that wait.
        WITH picked AS MATERIALIZED (
            SELECT r.ticket_id, r.route FROM swarm.ready r WHERE r.ctid = ANY (_rows)
        )
        SELECT array_agg(p.ticket_id), array_agg(p.route) INTO _through, _routes FROM picked p WHERE p.route = ANY (_covered);
    END IF;
    IF cardinality(_rows) = 0 THEN
        RETURN;
    END IF;
    _fence := coalesce(_fence, swarm.next_fence());

    RETURN QUERY
    WITH claimed AS MATERIALIZED (
        DELETE FROM swarm.ready r WHERE r.ctid = ANY (_rows)
        RETURNING r.ticket_id, r.rank, r.seq
    ), spec AS MATERIALIZED (
        SELECT t.id, t.attempts, t.attempts_max, t.queue_id, t.graph_id, t.key, t.kind,
               coalesce(t.payload, (SELECT b.body FROM swarm.blobs b WHERE b.hash = t.payload_hash))::text AS payload,
               c.rank, c.seq, t.start_timeout_ms, t.progress_timeout_ms, t.checks_hash, t.profile, t.infra_since,
               -- Whichever clock runs out first. LEAST ignores what isn't there.
               least(coalesce(w.ends_at, _now + CASE WHEN t.timeout_ms > 0 THEN swarm.milliseconds(t.timeout_ms) END),
                     t.deadline_at) AS deadline_at,
               CASE WHEN t.deadline_at IS NULL THEN 'attempt'
                    WHEN t.timeout_ms = 0
                         OR t.deadline_at <= coalesce(w.ends_at, _now + swarm.milliseconds(t.timeout_ms)) THEN 'deadline'
                    ELSE 'attempt' END AS deadline_clock,
               w.continuation::text AS continuation
        FROM claimed c JOIN swarm.tickets t ON t.id = c.ticket_id
        LEFT JOIN swarm.waits w ON w.ticket_id = c.ticket_id -- its attempt goes on, and so does the attempt's clock
    ), leased AS (
        INSERT INTO swarm.leases (ticket_id, fence, node_id, attempt, queue_id, claimed_at, last_heartbeat,
                                  deadline_at, deadline_clock, start_timeout_ms, progress_timeout_ms)
        SELECT s.id, _fence, _node_id, s.attempts + 1, s.queue_id, _now, _now, s.deadline_at,
               CASE WHEN s.deadline_at IS NOT NULL THEN s.deadline_clock END, s.start_timeout_ms, s.progress_timeout_ms
        FROM spec s
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, fence, node_id, actor)
        SELECT s.id, 'claimed', s.attempts + 1, _fence, _node_id, _actor FROM spec s
    ), turned AS (
        -- How far the queue has come: where a group that was away joins in.
        INSERT INTO swarm.turns AS u (queue_id, group_key, turn)
        SELECT _at.id, '', max(s.rank & ((1::bigint << 40) - 1)) FROM spec s WHERE _at.is_fair HAVING count(*) > 0
        ON CONFLICT (queue_id, group_key) DO UPDATE SET turn = greatest(u.turn, excluded.turn)
    )
    SELECT s.id, _fence, (s.attempts + 1)::smallint, s.attempts_max, s.graph_id, s.key, s.kind,
           CASE WHEN _at.command_limits IS NULL OR s.kind <> 'command' THEN s.payload
                ELSE swarm.within_limits(s.payload::jsonb, _at.command_limits)::text END,
           -- At least a moment: 0 would mean that there is no limit.
           CASE WHEN s.deadline_at IS NULL THEN 0
                ELSE greatest(1, ceil(extract(epoch FROM s.deadline_at - _now) * 1000))::bigint END,
           s.deadline_clock, s.start_timeout_ms, s.progress_timeout_ms,
           CASE WHEN _at.is_fair OR _at.ageing_ms IS NOT NULL THEN -1 ELSE s.rank END, s.seq,
           CASE WHEN s.attempts > 0 THEN swarm.last_failure(s.id) END,
           CASE WHEN s.payload LIKE '%${ticket.%' THEN swarm.results_for(s.id)::text END,
           s.checks_hash IS NOT NULL AND s.checks_hash IS DISTINCT FROM swarm.checks_hash(s.payload::jsonb),
           s.profile, CASE WHEN s.attempts > 0 AND s.kind IN ('claude', 'agent_cli') THEN swarm.last_prompt(s.id) END,
           s.continuation,
           CASE WHEN s.infra_since IS NOT NULL AND s.kind = 'claude' THEN swarm.timeouts_in_row(s.id) ELSE 0 END,
           _is_shut
    FROM spec s
    ORDER BY s.rank, s.seq;

    IF _through IS NOT NULL THEN
        PERFORM swarm.note_passage(_through, _routes, _fence, _node_id, _credentials);
    END IF;
END $$;

-- Locks up to _limit rows of a queue, in order, beginning in each rank behind its mark, but none of these routes. Ranks
-- without a mark are looked at as a whole: what is claimed there gives them one.
DROP FUNCTION IF EXISTS swarm.find_ready_after;
CREATE FUNCTION swarm.find_ready_after(_queue_id integer, _limit integer, _ranks bigint[], _seqs bigint[], _covered text[])
RETURNS tid[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now  timestamptz := clock_timestamp();
    _rows tid[] := '{}';
    _rank bigint := -32769; -- below all
    _seq  bigint := 0;
    _next record;
BEGIN
    -- Bands in order: the one of a mark begins behind it, the one between two marks has neither.
    FOR _next IN
        SELECT * FROM unnest(_ranks || 32768::bigint, _seqs || 0::bigint) AS m (rank, seq) ORDER BY rank
    LOOP
        IF _seq > 0 THEN
            _rows := _rows || ARRAY(
                SELECT ctid FROM swarm.ready
                WHERE queue_id = _queue_id AND rank = _rank AND seq > _seq
                  AND (expires_at IS NULL OR expires_at > _now)
                  AND (route IS NULL OR route <> ALL (_covered))
                ORDER BY rank, seq
                LIMIT _limit - cardinality(_rows)
                FOR UPDATE SKIP LOCKED);
        END IF;
        EXIT WHEN cardinality(_rows) >= _limit;
        IF _next.rank > _rank + 1 THEN
            _rows := _rows || ARRAY(
                SELECT ctid FROM swarm.ready
                WHERE queue_id = _queue_id AND rank > _rank AND rank < _next.rank
                  AND (expires_at IS NULL OR expires_at > _now)
                  AND (route IS NULL OR route <> ALL (_covered))
                ORDER BY rank, seq
                LIMIT _limit - cardinality(_rows)
                FOR UPDATE SKIP LOCKED);
        END IF;
        EXIT WHEN cardinality(_rows) >= _limit;
        _rank := _next.rank;
        _seq := _next.seq;
    END LOOP;
    RETURN _rows;
END $$;

-- How a ticket's last attempt that counted ended, and the last of what it wrote.
DROP FUNCTION IF EXISTS swarm.last_failure;
CREATE FUNCTION swarm.last_failure(_ticket_id bigint) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
    _tail_bytes CONSTANT integer := 16384;
BEGIN
    RETURN (SELECT convert_to(a.evidence || E'\n', 'UTF8') || substr(a.output, greatest(1, length(a.output) - _tail_bytes + 1))
            FROM swarm.attempts a
            WHERE a.ticket_id = _ticket_id AND a.class IN ('content', 'crash', 'timeout', 'check_failed')
            ORDER BY a.ended_at DESC LIMIT 1);
END $$;

-- The hash of the prompt that a ticket's last attempt has failed with, though it was heard.
DROP FUNCTION IF EXISTS swarm.last_prompt;
CREATE FUNCTION swarm.last_prompt(_ticket_id bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT a.details ->> 'prompt_hash' FROM swarm.attempts a
            WHERE a.ticket_id = _ticket_id AND a.class IN ('content', 'check_failed')
            ORDER BY a.ended_at DESC LIMIT 1);
END $$;

-- How often a service has said to a ticket that it takes too long, since it last got through to it.
DROP FUNCTION IF EXISTS swarm.timeouts_in_row;
CREATE FUNCTION swarm.timeouts_in_row(_ticket_id bigint) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT (a.details -> 'timeouts_in_row')::integer FROM swarm.attempts a
                     WHERE a.ticket_id = _ticket_id AND a.class = 'transient' ORDER BY a.ended_at DESC LIMIT 1), 0);
END $$;

-- What the tickets that a ticket needs have brought: by key, the result of the attempt that completed each.
DROP FUNCTION IF EXISTS swarm.results_for;
CREATE FUNCTION swarm.results_for(_ticket_id bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_object_agg(p.key, a.details -> 'result')
            FROM swarm.dependencies d
            JOIN swarm.tickets p ON p.id = d.parent_id AND p.key IS NOT NULL
            CROSS JOIN LATERAL (SELECT a.details FROM swarm.attempts a
                                WHERE a.ticket_id = p.id AND a.class = 'completed'
                                ORDER BY a.ended_at DESC LIMIT 1) a
            WHERE d.child_id = _ticket_id AND a.details ? 'result');
END $$;
