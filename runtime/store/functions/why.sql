-- Why a ticket is where it is, in sentences: what it waits for, down to the root of it. _node_silent_ms: a node that
-- wasn't seen for so long isn't taken for living.
CREATE OR REPLACE FUNCTION swarm.why(_ticket_id bigint, _node_silent_ms bigint DEFAULT 120000) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    _t    record;
    _last record;
    _q    swarm.queues;
    _n    bigint;
    _is_empty boolean;
BEGIN
    SELECT * INTO _t FROM swarm.tickets_view v WHERE v.id = _ticket_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT e.at, e.kind, e.data INTO _last FROM swarm.ticket_events e
    WHERE e.ticket_id = _ticket_id AND e.kind NOT IN ('cancel_requested', 'promoted', 'repaired', 'dependency_added',
                                                    'dependency_ignored', 'breaker_opened', 'breaker_half_opened',
                                                    'breaker_closed')
    ORDER BY e.id DESC LIMIT 1;
    RETURN NEXT format('ticket %s%s is %s', _t.id, coalesce(' (' || _t.key || ')', ''), _t.state);

    CASE _t.state
    WHEN 'in_progress' THEN
        RETURN NEXT format('node %s has worked on attempt %s of %s for %s; its last heartbeat was %s ago', _t.claimed_by,
                           _t.attempts + 1, _t.attempts_max, swarm.span(clock_timestamp() - _t.claimed_at),
                           swarm.span(clock_timestamp() - _t.last_heartbeat));
        IF _t.cancel_requested_at IS NOT NULL THEN
            RETURN NEXT format('its cancellation was requested %s ago, and its node learns of that with the next heartbeat',
                               swarm.span(clock_timestamp() - _t.cancel_requested_at));
        END IF;
        RETURN QUERY SELECT swarm.why_waiting(_t.attempts + 1, _t.waiting_since, _t.waiting_for);
    WHEN 'waiting' THEN
        RETURN QUERY SELECT swarm.why_waiting(_t.attempts + 1, _t.waiting_since, _t.waiting_for);
        RETURN NEXT format('it is looked at next in %s%s', swarm.span(greatest(_t.run_at - clock_timestamp(), interval '0')),
                           coalesce('; the clock of the attempt runs out in '
                                    || swarm.span(greatest(_t.waiting_ends_at - clock_timestamp(), interval '0')), ''));
        IF _last.kind = 'attempt_failed' THEN
            RETURN NEXT format('the last look ended as %s: %s', _last.data ->> 'class', _last.data ->> 'evidence');
        END IF;
    WHEN 'scheduled' THEN
        RETURN NEXT format('it is due in %s', swarm.span(greatest(_t.run_at - clock_timestamp(), interval '0')));
        IF _last.kind IN ('attempt_failed', 'snoozed') THEN
            RETURN NEXT format('its last attempt ended as %s: %s', _last.data ->> 'class',
                               coalesce(_last.data ->> 'evidence', 'without evidence'));
        END IF;
    WHEN 'in_review' THEN
        SELECT swarm.is_without_result(w) INTO _is_empty FROM swarm.reviews w WHERE w.ticket_id = _ticket_id;
        RETURN NEXT format(CASE WHEN _is_empty
                                THEN 'attempt %s has no result, and the ticket has waited for a person for %s: %s'
                                WHEN _last.data ->> 'class' IN ('content', 'check_failed')
                                THEN 'attempt %s failed, and the ticket has waited for a person for %s: %s'
                                ELSE 'the work of attempt %s is done, and it has waited for a person for %s: %s' END,
                           _t.review_attempt, swarm.span(clock_timestamp() - _t.review_asked_at), _t.review_reason);
        RETURN NEXT format(CASE WHEN _is_empty
                                THEN 'swarm reject %s --why TEXT lets the next attempt begin with your words, '
                                     'swarm approve %s --without-result completes it as it is; in %s it fails'
                                ELSE 'swarm approve %s completes it, swarm reject %s --why TEXT fails the attempt; '
                                     'in %s it fails' END,
                           _t.id, _t.id, swarm.span(greatest(_t.review_expires_at - clock_timestamp(), interval '0')));
    WHEN 'blocked' THEN
        RETURN QUERY SELECT swarm.why_blocked(_ticket_id);
    WHEN 'ready' THEN
        SELECT * INTO _q FROM swarm.queues q WHERE q.name = _t.queue;
        SELECT count(*) INTO _n FROM (
            SELECT FROM swarm.ready r, swarm.ready me
            WHERE me.ticket_id = _ticket_id AND r.queue_id = me.queue_id AND (r.rank, r.seq) < (me.rank, me.seq)
            LIMIT 1000) ahead;
        RETURN NEXT format('it has waited in queue %s for %s, with %s tickets before it', _t.queue,
                           swarm.span(clock_timestamp() - _t.queued_at),
                           CASE WHEN _n = 1000 THEN '1000 or more' ELSE _n::text END);
        IF _q.paused_at IS NOT NULL THEN
            RETURN NEXT format('queue %s was paused %s ago by %s%s', _t.queue,
                               swarm.span(clock_timestamp() - _q.paused_at), _q.paused_by,
                               coalesce(': ' || _q.pause_reason, ''));
        END IF;
        IF NOT EXISTS (SELECT FROM swarm.nodes n WHERE _t.queue = ANY (n.queues) AND n.stopped_at IS NULL
                       AND n.last_seen_at > clock_timestamp() - swarm.milliseconds(_node_silent_ms)) THEN
            RETURN NEXT format('no living node serves queue %s', _t.queue);
        END IF;
        RETURN QUERY SELECT swarm.why_full(_q, _t.group_key);
        RETURN QUERY SELECT swarm.why_shut(_t.route);
        RETURN QUERY SELECT swarm.why_limited(_t.route);
        RETURN QUERY SELECT swarm.why_waiting(_t.attempts + 1, _t.waiting_since, _t.waiting_for);
    ELSE
        RETURN NEXT format('that was %s ago%s%s', swarm.span(clock_timestamp() - _t.finished_at),
                           coalesce('; class ' || (_last.data ->> 'class'), '')
                           || coalesce(', clock ' || (_last.data ->> 'clock'), ''),
                           coalesce(': ' || (_last.data ->> 'evidence'),
                                    '; because ticket ' || (_last.data ->> 'parent') || ', which it needs, is '
                                    || (_last.data ->> 'parent_state'), ''));
        IF _t.end_reason = 'infra_exhausted' THEN
            RETURN NEXT 'trouble that isn''t its own came too often or lasted too long (infra_exhausted); '
                        'swarm retry --infra-exhausted revives all such tickets';
        END IF;
    END CASE;
END $$;

-- What an attempt waits for that goes on without a worker; nothing for any other.
DROP FUNCTION IF EXISTS swarm.why_waiting;
CREATE FUNCTION swarm.why_waiting(_attempt integer, _since timestamptz, _reason text) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF _since IS NOT NULL THEN
        RETURN NEXT format('attempt %s has waited for an answer for %s: %s', _attempt, swarm.span(clock_timestamp() - _since),
                           _reason);
    END IF;
END $$;

-- The parents that a blocked ticket waits for, and what is at the root: ancestors that aren't blocked themselves.
DROP FUNCTION IF EXISTS swarm.why_blocked;
CREATE FUNCTION swarm.why_blocked(_ticket_id bigint) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT format('it waits for ticket %s%s, which is %s', p.id, coalesce(' (' || p.key || ')', ''), p.state)
    FROM swarm.dependencies d JOIN swarm.tickets_view p ON p.id = d.parent_id
    WHERE d.child_id = _ticket_id AND d.counted AND p.state <> 'completed'
    ORDER BY p.state NOT IN ('failed', 'cancelled'), p.id LIMIT 5;
    RETURN QUERY
    WITH RECURSIVE above AS (
        SELECT d.parent_id AS id, 1 AS distance FROM swarm.dependencies d WHERE d.child_id = _ticket_id AND d.counted
        UNION
        SELECT n.id, a.distance + 1
        FROM above a
        CROSS JOIN LATERAL (
            SELECT d.parent_id AS id FROM swarm.blocked b JOIN swarm.dependencies d ON d.child_id = b.ticket_id
            WHERE b.ticket_id = a.id AND d.counted
            UNION ALL
            SELECT swarm.doomed_by(a.id)) n
        WHERE a.distance < 1000 AND n.id IS NOT NULL
    )
    SELECT format('at the root of it is ticket %s%s, which is %s%s', p.id, coalesce(' (' || p.key || ')', ''), p.state,
                  CASE WHEN p.state IN ('failed', 'cancelled')
                       THEN coalesce(': ' || (SELECT e.data ->> 'evidence' FROM swarm.ticket_events e
                                              WHERE e.ticket_id = p.id AND e.kind IN ('failed', 'cancelled')
                                              ORDER BY e.id DESC LIMIT 1), '')
                            || format('; swarm retry %s lets it go on', p.id)
                       ELSE '' END)
    FROM (SELECT DISTINCT id FROM above) a JOIN swarm.tickets_view p ON p.id = a.id
    WHERE p.state NOT IN ('completed', 'blocked') AND swarm.doomed_by(p.id) IS NULL
    ORDER BY p.state NOT IN ('failed', 'cancelled'), p.id LIMIT 5;
END $$;

-- The parent on whose account a ticket was cancelled, as long as that is still so; NULL for all others.
DROP FUNCTION IF EXISTS swarm.doomed_by;
CREATE FUNCTION swarm.doomed_by(_ticket_id bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT p.id
            FROM swarm.tickets t
            CROSS JOIN LATERAL (SELECT (e.data ->> 'parent')::bigint AS parent FROM swarm.ticket_events e
                                WHERE e.ticket_id = t.id AND e.kind = 'cancelled' ORDER BY e.id DESC LIMIT 1) e
            JOIN swarm.tickets p ON p.id = e.parent
            WHERE t.id = _ticket_id AND t.final_state = 'cancelled' AND p.final_state IN ('failed', 'cancelled'));
END $$;

-- Which of the queue's limits are used up.
DROP FUNCTION IF EXISTS swarm.why_full;
CREATE FUNCTION swarm.why_full(_q swarm.queues, _group_key text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
    _running bigint;
BEGIN
    SELECT count(*) INTO _running FROM swarm.leases l WHERE l.queue_id = _q.id;
    IF _running >= _q.slots THEN
        RETURN NEXT format('all %s slots of queue %s are taken', _q.slots, _q.name);
    END IF;
    IF (SELECT bool_and((SELECT count(*) FROM swarm.leases l WHERE l.queue_id = _q.id AND l.node_id = n.id) >= _q.slots_per_node)
        FROM swarm.nodes n
        WHERE n.stopped_at IS NULL AND n.last_seen_at > clock_timestamp() - interval '5 minutes'
          AND _q.name = ANY (n.queues)) THEN
        RETURN NEXT format('each node that serves queue %s has taken its %s slots', _q.name, _q.slots_per_node);
    END IF;
    SELECT count(*) INTO _running FROM swarm.leases l JOIN swarm.tickets t ON t.id = l.ticket_id
    WHERE l.queue_id = _q.id AND t.group_key = _group_key;
    IF _running >= _q.slots_per_key THEN
        RETURN NEXT format('all %s slots of group %s are taken', _q.slots_per_key, _group_key);
    END IF;
END $$;

-- A length of time as people say it: "3m 5s".
DROP FUNCTION IF EXISTS swarm.span;
CREATE FUNCTION swarm.span(_x interval) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    _s bigint := floor(extract(epoch FROM _x));
BEGIN
    RETURN CASE WHEN _s < 60 THEN _s || 's'
                WHEN _s < 3600 THEN _s / 60 || 'm ' || _s % 60 || 's'
                WHEN _s < 86400 THEN _s / 3600 || 'h ' || _s % 3600 / 60 || 'm'
                ELSE _s / 86400 || 'd ' || _s % 86400 / 3600 || 'h' END;
END $$;
