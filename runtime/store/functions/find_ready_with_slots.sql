-- Locks up to _limit rows of a queue with concurrency limits, in order, each with a slot of every limit that the queue
-- has: all of it, this node, its group key. Tickets of a group without a free slot are passed over, and so are those whose
-- breakers and limits let nothing through, or no more.
DROP FUNCTION IF EXISTS swarm.find_ready_with_slots;
CREATE FUNCTION swarm.find_ready_with_slots(_at swarm.queues, _limit integer, _node_id bigint, _fence bigint,
                                            _gates swarm.gates)
RETURNS tid[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now     timestamptz := clock_timestamp();
    _node    CONSTANT text := 'node:' || _node_id;
    _here    integer[]; -- free slots of the queue
    _mine    integer[]; -- free slots of this node
    _keys    jsonb := '{}'; -- free slots of each group key that was asked for
    _full    text[] := '{}';
    _shut    text[] := '{}'; -- routes that may not pass, or no more
    _left    integer[];      -- what the gates allow after those that were taken
    _then    integer[];
    _rows    tid[] := '{}';
    _rank    bigint := -9223372036854775808; -- how far it has come: what lies before was taken or can't be now
    _seq     bigint := 0;
    _scope   text;
    _free    integer[];
    _ticket  record;
BEGIN
    IF _gates IS NOT NULL THEN
        _left := _gates.allowed;
        _shut := ARRAY(SELECT unnest(_gates.covered) EXCEPT SELECT unnest(_gates.passing));
    END IF;
    IF _at.slots IS NOT NULL THEN
        _here := swarm.free_slots(_at.id, '', _at.slots, _limit);
        _limit := least(_limit, cardinality(_here));
    END IF;
    IF _at.slots_per_node IS NOT NULL AND _limit > 0 THEN
        _mine := swarm.free_slots(_at.id, _node, _at.slots_per_node, _limit);
        _limit := least(_limit, cardinality(_mine));
    END IF;
    WHILE cardinality(_rows) < _limit LOOP
        SELECT r.ctid, r.ticket_id, r.group_key, r.route, r.rank, r.seq INTO _ticket FROM swarm.ready r
        WHERE r.queue_id = _at.id AND (r.expires_at IS NULL OR r.expires_at > _now)
          AND (r.rank, r.seq) > (_rank, _seq) AND (r.group_key IS NULL OR r.group_key <> ALL (_full))
          AND (r.route IS NULL OR r.route <> ALL (_shut))
        ORDER BY r.rank, r.seq
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        _rank := _ticket.rank;
        _seq := _ticket.seq;
        IF _gates IS NOT NULL THEN
            _then := swarm.pass(_gates.patterns, _left, _ticket.route);
            IF _then IS NULL THEN
                _shut := _shut || _ticket.route;
                CONTINUE;
            END IF;
        END IF;
        IF _at.slots_per_key IS NOT NULL AND _ticket.group_key IS NOT NULL THEN
            _scope := 'key:' || _ticket.group_key;
            IF NOT _keys ? _scope THEN
                _keys := _keys || jsonb_build_object(
                    _scope, to_jsonb(swarm.free_slots(_at.id, _scope, _at.slots_per_key, _limit)));
            END IF;
            _free := ARRAY(SELECT jsonb_array_elements_text(_keys -> _scope)::integer);
            IF cardinality(_free) = 0 THEN
                _full := _full || _ticket.group_key;
                CONTINUE;
            END IF;
            PERFORM swarm.take_slot(_at.id, _scope, _free[1], _ticket.ticket_id, _fence);
            _keys := jsonb_set(_keys, ARRAY[_scope], to_jsonb(_free[2:]));
        END IF;
        _rows := _rows || _ticket.ctid;
        _left := _then;
        IF _here IS NOT NULL THEN
            PERFORM swarm.take_slot(_at.id, '', _here[cardinality(_rows)], _ticket.ticket_id, _fence);
        END IF;
        IF _mine IS NOT NULL THEN
            PERFORM swarm.take_slot(_at.id, _node, _mine[cardinality(_rows)], _ticket.ticket_id, _fence);
        END IF;
    END LOOP;
    RETURN _rows;
END $$;

-- Locks up to _wanted free slots of a limit, and answers their numbers. Free is what no lease stands behind. Leases
-- without a slot of this limit, from before it was set or lowered, take the place of free ones.
DROP FUNCTION IF EXISTS swarm.free_slots;
CREATE FUNCTION swarm.free_slots(_queue_id integer, _scope text, _slots integer, _wanted integer) RETURNS integer[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _numbers integer[];
    _over    integer;
BEGIN
    IF NOT EXISTS (SELECT FROM swarm.slots WHERE queue_id = _queue_id AND scope = _scope AND number = _slots) THEN
        -- One at a time makes them: two that make those of several keys in different orders would wait for each other.
        IF NOT pg_try_advisory_xact_lock(hashtextextended('swarm slots ' || _queue_id || ' ' || _scope, 0)) THEN
            RETURN '{}';
        END IF;
        INSERT INTO swarm.slots (queue_id, scope, number)
        SELECT _queue_id, _scope, n FROM generate_series(1, _slots) AS n ON CONFLICT DO NOTHING;
    END IF;
    _over := swarm.leases_without_slot(_queue_id, _scope, _slots);
    _numbers := ARRAY(
        SELECT s.number FROM swarm.slots s
        WHERE s.queue_id = _queue_id AND s.scope = _scope AND s.number <= _slots
          AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = s.ticket_id AND l.fence = s.fence)
        ORDER BY s.number
        LIMIT _wanted + _over
        FOR UPDATE SKIP LOCKED);
    -- A second look, with the rows locked and a snapshot of its own: the first one may not have seen the lease of a
    -- claim that took a slot and was committed since.
    RETURN ARRAY(
        SELECT s.number FROM swarm.slots s
        WHERE s.queue_id = _queue_id AND s.scope = _scope AND s.number = ANY (_numbers)
          AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = s.ticket_id AND l.fence = s.fence)
        ORDER BY s.number
        OFFSET _over);
END $$;

DROP FUNCTION IF EXISTS swarm.leases_without_slot;
CREATE FUNCTION swarm.leases_without_slot(_queue_id integer, _scope text, _slots integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT greatest(0,
        (SELECT count(*) FROM swarm.leases l
         WHERE l.queue_id = _queue_id
           AND CASE WHEN _scope = '' THEN true
                    WHEN _scope LIKE 'node:%' THEN l.node_id = substr(_scope, 6)::bigint
                    ELSE EXISTS (SELECT FROM swarm.tickets t
                                 WHERE t.id = l.ticket_id AND t.group_key = substr(_scope, 5)) END)
        - (SELECT count(*) FROM swarm.slots s JOIN swarm.leases l ON l.ticket_id = s.ticket_id AND l.fence = s.fence
           WHERE s.queue_id = _queue_id AND s.scope = _scope AND s.number <= _slots))::integer;
$$;

DROP FUNCTION IF EXISTS swarm.take_slot;
CREATE FUNCTION swarm.take_slot(_queue_id integer, _scope text, _number integer, _ticket_id bigint, _fence bigint)
RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE swarm.slots SET ticket_id = _ticket_id, fence = _fence
    WHERE queue_id = _queue_id AND scope = _scope AND number = _number;
$$;
