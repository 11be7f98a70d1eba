-- Stops claims from a queue; what runs goes on. Who and why is kept for people who wonder.
CREATE OR REPLACE FUNCTION swarm.pause_queue(_queue text, _reason text DEFAULT NULL, _by text DEFAULT session_user) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.queues SET paused_at = clock_timestamp(), paused_by = _by, pause_reason = _reason
    WHERE name = _queue AND paused_at IS NULL; -- who came first has stopped it
    RETURN FOUND OR EXISTS (SELECT FROM swarm.queues WHERE name = _queue);
END $$;

CREATE OR REPLACE FUNCTION swarm.resume_queue(_queue text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.queues SET paused_at = NULL, paused_by = NULL, pause_reason = NULL WHERE name = _queue;
    RETURN FOUND;
END $$;

-- Sets the limits and the order of a queue, which is made if there is none; NULL means no limit, as for all that isn't
-- given; command_limits: see within_limits. Tickets that are queued already keep their places when the order changes,
-- relative to each other.
CREATE OR REPLACE FUNCTION swarm.configure_queue(queue text, slots integer DEFAULT NULL, slots_per_node integer DEFAULT NULL,
                                      slots_per_key integer DEFAULT NULL, ageing interval DEFAULT NULL,
                                      is_fair boolean DEFAULT false, command_limits jsonb DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    _was swarm.queues;
    _at  swarm.queues;
    _why text;
BEGIN
    IF queue !~ '^[A-Za-z0-9_.-]{1,63}$' THEN
        RAISE EXCEPTION 'a queue''s name is made of 1 to 63 letters, digits, ''_'', ''-'' and ''.'', not %',
            quote_literal(left(queue, 63)) USING ERRCODE = 'SW002';
    END IF;
    _why := CASE WHEN least(slots, slots_per_node, slots_per_key) < 1 THEN 'a queue has at least one slot'
                 WHEN ageing <= interval '0' THEN 'ageing must be longer than nothing'
                 WHEN ageing > interval '3650 days' THEN 'ageing is at most 3650 days'
                 WHEN ageing IS NOT NULL AND is_fair THEN 'a queue has ageing or is fair, not both'
                 ELSE swarm.refuse_limits(command_limits) END;
    IF _why IS NOT NULL THEN
        RAISE EXCEPTION '%', _why USING ERRCODE = 'SW002';
    END IF;
    SELECT * INTO _was FROM swarm.queues q WHERE q.name = queue FOR NO KEY UPDATE;
    INSERT INTO swarm.queues AS q (name, slots, slots_per_node, slots_per_key, ageing_ms, is_fair, command_limits)
    VALUES (queue, slots, slots_per_node, slots_per_key, swarm.to_ms(ageing::text), is_fair, command_limits)
    ON CONFLICT ON CONSTRAINT queue_name_once DO UPDATE
    SET slots = excluded.slots, slots_per_node = excluded.slots_per_node, slots_per_key = excluded.slots_per_key,
        ageing_ms = excluded.ageing_ms, is_fair = excluded.is_fair, command_limits = excluded.command_limits
    RETURNING * INTO _at;
    IF _was.is_fair = _at.is_fair AND _was.ageing_ms IS NOT DISTINCT FROM _at.ageing_ms THEN
        RETURN;
    END IF;
    -- Ranks of another order would sort wrongly beside new ones. What somebody has in hand, and what open transactions
    -- bring, is mended later: nobody waits for a stranger here.
    WITH held AS MATERIALIZED (
        SELECT r.ctid AS place FROM swarm.ready r WHERE r.queue_id = _at.id FOR UPDATE SKIP LOCKED
    )
    UPDATE swarm.ready r SET rank = swarm.rank_of(_at, t.priority, r.queued_at)
    FROM held h, swarm.tickets t WHERE r.ctid = h.place AND t.id = r.ticket_id;
    UPDATE swarm.queues q SET reordered = '0' WHERE q.id = _at.id;
END $$;

-- What a queue is sorted by, for a ticket that is there already; in a fair one, before all turns of its priority.
DROP FUNCTION IF EXISTS swarm.rank_of;
CREATE FUNCTION swarm.rank_of(_q swarm.queues, _priority smallint, _queued_at timestamptz) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN _q.is_fair THEN _priority::bigint << 40
                WHEN _q.ageing_ms IS NULL THEN _priority
                ELSE (extract(epoch FROM _queued_at) * 1000)::bigint + _priority * _q.ageing_ms END;
END $$;
