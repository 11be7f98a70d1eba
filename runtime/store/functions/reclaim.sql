-- Takes tickets away from workers that went silent: no heartbeat for _stale_ms, or a node that is known to be dead.
-- The rows are locked, and their staleness is judged again on the locked version, so a beat or a settlement that comes
-- first wins. A node that couldn't beat for a lease, because somebody's open transaction had it in hand, isn't judged for a
-- while: it hands back itself what nobody works on. Nobody is judged by a look that is old itself: who stood still between note_sweep and this may have stood
-- still with everybody else. Any number of reapers may run. A reclaim is not an attempt: it has its own counter, and a ticket that
-- loses its worker _reclaims_max times is poison and fails with that evidence.
DROP FUNCTION IF EXISTS swarm.reclaim;
CREATE FUNCTION swarm.reclaim(_stale_ms bigint, _dead_nodes bigint[], _limit integer, _reclaims_max integer)
RETURNS TABLE (ticket_id bigint, fence bigint, event text)
LANGUAGE plpgsql VOLATILE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
    _now      timestamptz := clock_timestamp();
    _extended timestamptz := (SELECT extended_at FROM swarm.reaping); -- see note_sweep
    _held_up  CONSTANT bigint[] := ARRAY(SELECT n.id FROM swarm.nodes n
                                         WHERE n.held_up_at > _now - make_interval(secs => _stale_ms / 1000.0));
    _tickets  bigint[];
    _fences   bigint[];
    _kinds    text[];
BEGIN
    IF (SELECT last_sweep_at FROM swarm.reaping) < _now - make_interval(secs => _stale_ms / 2000.0) THEN
        RETURN;
    END IF;
    WITH stale AS MATERIALIZED (
        SELECT l.* FROM swarm.leases l
        WHERE greatest(l.last_heartbeat, _extended) < _now - swarm.milliseconds(_stale_ms) AND l.node_id <> ALL (_held_up)
           OR l.node_id = ANY (_dead_nodes)
        ORDER BY l.ticket_id
        LIMIT _limit
        FOR UPDATE SKIP LOCKED
    ), decided AS MATERIALIZED (
        SELECT s.*, t.reclaims + 1 AS reclaims,
               CASE WHEN s.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    WHEN t.reclaims + 1 >= _reclaims_max THEN 'failed'
                    ELSE 'reclaimed' END::swarm.event_kind AS kind
        FROM stale s JOIN swarm.tickets t ON t.id = s.ticket_id
        ORDER BY s.ticket_id
        FOR NO KEY UPDATE OF t SKIP LOCKED -- somebody's open transaction holds up its own tickets and no others
    ), freed AS (
        DELETE FROM swarm.leases l USING decided d WHERE l.ticket_id = d.ticket_id
    ), written AS (
        UPDATE swarm.tickets t
        SET reclaims = d.reclaims,
            final_state = CASE WHEN d.kind IN ('failed', 'cancelled') THEN d.kind::text::swarm.final_state END,
            finished_at = CASE WHEN d.kind IN ('failed', 'cancelled') THEN _now END
        FROM decided d WHERE t.id = d.ticket_id
    ), kept AS (
        INSERT INTO swarm.attempts (ticket_id, fence, attempt, node_id, class, evidence, output, output_bytes, started_at)
        SELECT ticket_id, fence, attempt, node_id, 'reclaim',
               format('its worker on node %s went silent, the last heartbeat was %s UTC', node_id,
                      to_char(last_heartbeat AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
               || CASE WHEN kind = 'failed' THEN format('; that was loss number %s, so the ticket is taken for poison', reclaims)
                       ELSE '' END,
               '', 0, claimed_at
        FROM decided
    ), logged AS (
        INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, data)
        SELECT ticket_id, kind, attempt,
               jsonb_build_object('class', 'reclaim', 'lost_fence', fence, 'lost_node', node_id,
                                  'last_heartbeat', last_heartbeat, 'reclaims', reclaims)
        FROM decided ORDER BY ticket_id
    )
    SELECT array_agg(ticket_id ORDER BY ticket_id), array_agg(fence ORDER BY ticket_id),
           array_agg(kind::text ORDER BY ticket_id)
    INTO _tickets, _fences, _kinds FROM decided;

    IF _tickets IS NOT NULL THEN
        PERFORM swarm.make_ready(ARRAY(SELECT t FROM unnest(_tickets, _kinds) AS g (t, k) WHERE k = 'reclaimed'));
        PERFORM swarm.closed(ARRAY(SELECT t FROM unnest(_tickets, _kinds) AS g (t, k) WHERE k <> 'reclaimed'));
    END IF;
    RETURN QUERY SELECT * FROM unnest(_tickets, _fences, _kinds);
END $$;
