-- Locks up to _limit rows of a queue with concurrency limits, in order, each with a slot of every limit that the queue
-- has: all of it, this node, its group key. Tickets of a group without a free slot are passed over, and so are those whose
-- breakers and limits let nothing through, or no more. When a look at the head of the queue meets too many that can't be
-- taken, the heads of the groups come next: a group with a million tickets and no free slot keeps nobody waiting for long.
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
    _over    jsonb;         -- per group, the leases that run there without a slot
    _full    jsonb := '{}'; -- the groups without a free slot: an object, because it is looked into for each ticket
    _shut    text[] := '{}'; -- routes that may not pass, or no more
    _left    integer[];      -- what the gates allow after those that were taken
    _then    integer[];
    _window  CONSTANT integer := 1000;
    _wide    CONSTANT integer := 5000;
    _seen    integer := 0;
    _part    integer := CASE WHEN _at.slots_per_key IS NULL THEN 3 ELSE 1 END; -- of three; see below
    _far_rank bigint; -- the end of the second part; NULL when that is the end of the queue
    _far_seq  bigint;
    _next    refcursor;
    _rank    bigint; -- how far it has come: what lies before was taken or can't be now
    _seq     bigint;
    _rows    tid[] := '{}';
    _scope   text;
    _free    integer[];
    _ticket  record;
BEGIN
    IF _gates IS NOT NULL THEN
        _left := _gates.allowed;
        _shut := ARRAY(SELECT unnest(_gates.covered) EXCEPT SELECT unnest(_gates.passing));
    END IF;
    IF _at.slots IS NOT NULL THEN
        _here := swarm.free_slots(_at.id, '', _at.slots, _limit, swarm.leases_without_slot(_at.id, '', _at.slots));
        _limit := least(_limit, cardinality(_here));
    END IF;
    IF _at.slots_per_node IS NOT NULL AND _limit > 0 THEN
        _mine := swarm.free_slots(_at.id, _node, _at.slots_per_node, _limit,
                                  swarm.leases_without_slot(_at.id, _node, _at.slots_per_node));
        _limit := least(_limit, cardinality(_mine));
    END IF;
    IF _at.slots_per_key IS NOT NULL THEN
        SELECT g.over, g.full_ones INTO _over, _full FROM swarm.groups_at_work(_at.id, _at.slots_per_key) g;
    END IF;
    OPEN _next FOR SELECT r.ctid, r.ticket_id, r.group_key, r.route, r.rank, r.seq FROM swarm.ready r
                   WHERE r.queue_id = _at.id AND (r.expires_at IS NULL OR r.expires_at > _now)
                     AND (r.route IS NULL OR r.route <> ALL (_shut))
                   ORDER BY r.rank, r.seq
                   LIMIT CASE WHEN _part < 3 THEN _window END;
    WHILE cardinality(_rows) < _limit LOOP
        FETCH _next INTO _ticket;
        IF NOT FOUND THEN
            EXIT WHEN _part = 3 OR _seen < _window;
            CLOSE _next;
            _part := _part + 1;
            IF _part = 2 THEN
                -- A longer look, by one statement: less than looking for the groups, unless the full ones have more.
                SELECT w.rank, w.seq INTO _far_rank, _far_seq FROM swarm.ready w WHERE w.queue_id = _at.id AND (w.rank, w.seq) > (_rank, _seq)
                ORDER BY w.rank, w.seq OFFSET _wide LIMIT 1;
                OPEN _next FOR SELECT r.ctid, r.ticket_id, r.group_key, r.route, r.rank, r.seq FROM swarm.ready r
                               WHERE r.queue_id = _at.id AND (r.rank, r.seq) > (_rank, _seq)
                                 AND (_far_rank IS NULL OR (r.rank, r.seq) <= (_far_rank, _far_seq))
                                 AND (r.group_key IS NULL OR NOT _full ? r.group_key)
                                 AND (r.expires_at IS NULL OR r.expires_at > _now)
                                 AND (r.route IS NULL OR r.route <> ALL (_shut))
                               ORDER BY r.rank, r.seq;
            ELSIF _far_rank IS NOT NULL THEN
                OPEN _next FOR SELECT * FROM swarm.heads_of_groups(_at, _limit - cardinality(_rows), _full, _shut,
                                                                   _far_rank, _far_seq);
            ELSE
                EXIT;
            END IF;
            CONTINUE;
        END IF;
        _seen := _seen + 1;
        _rank := _ticket.rank;
        _seq := _ticket.seq;
        CONTINUE WHEN _full ? _ticket.group_key OR _ticket.route = ANY (_shut);
        PERFORM FROM swarm.ready r WHERE r.ctid = _ticket.ctid AND r.seq = _ticket.seq FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND; -- another claimer has it, or had it
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
                    _scope, to_jsonb(swarm.free_slots(_at.id, _scope, _at.slots_per_key, _limit,
                                                      coalesce((_over ->> _ticket.group_key)::integer, 0))));
            END IF;
            _free := ARRAY(SELECT jsonb_array_elements_text(_keys -> _scope)::integer);
            IF cardinality(_free) = 0 THEN
                _full := _full || jsonb_build_object(_ticket.group_key, true);
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

-- The first tickets of a queue behind a place, in order: up to _limit without a group, and of each group that isn't full as
-- many as may run at once. Of a thousand groups at most, beginning with one that is drawn: with more of them the order is
-- that of those that were looked at.
DROP FUNCTION IF EXISTS swarm.heads_of_groups;
CREATE FUNCTION swarm.heads_of_groups(_at swarm.queues, _limit integer, _full jsonb, _shut text[], _rank bigint,
                                      _seq bigint)
RETURNS TABLE (ctid tid, ticket_id bigint, group_key text, route text, rank bigint, seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    _groups_max CONSTANT integer := 1000;
    _spare      CONSTANT integer := 10; -- of a group, because somebody may have the first ones in hand
    _now        timestamptz := clock_timestamp();
    _last       bigint;
    _start      text;
BEGIN
    -- A ticket anywhere behind the place, so that of more groups than are looked at each has its turn.
    SELECT r.seq INTO _last FROM swarm.ready r WHERE r.queue_id = _at.id AND r.rank = _rank
    ORDER BY r.queue_id DESC, r.rank DESC, r.seq DESC LIMIT 1;
    SELECT r.group_key INTO _start FROM swarm.ready r
    WHERE r.queue_id = _at.id AND r.group_key IS NOT NULL
      AND (r.rank, r.seq) > (_rank, _seq + (random() * (_last - _seq))::bigint)
    ORDER BY r.rank, r.seq LIMIT 1;
    _start := coalesce(_start, (SELECT min(r.group_key) FROM swarm.ready r WHERE r.queue_id = _at.id));
    RETURN QUERY
    WITH RECURSIVE groups AS (
        SELECT _start AS name, 1 AS place
        UNION ALL
        SELECT n.name, g.place + 1
        FROM groups g
        CROSS JOIN LATERAL (SELECT coalesce(
            (SELECT min(r.group_key) FROM swarm.ready r WHERE r.queue_id = _at.id AND r.group_key > g.name),
            (SELECT min(r.group_key) FROM swarm.ready r WHERE r.queue_id = _at.id)) AS name) n
        WHERE g.place < _groups_max AND n.name <> _start
    )
    SELECT h.* FROM groups g
    CROSS JOIN LATERAL (
        SELECT r.ctid, r.ticket_id, r.group_key, r.route, r.rank, r.seq FROM swarm.ready r
        WHERE r.queue_id = _at.id AND r.group_key = g.name AND (r.rank, r.seq) > (_rank, _seq)
          AND (r.expires_at IS NULL OR r.expires_at > _now) AND (r.route IS NULL OR r.route <> ALL (_shut))
        ORDER BY r.rank, r.seq
        LIMIT least(_limit, _at.slots_per_key) + _spare
    ) h
    WHERE NOT _full ? g.name
    UNION ALL (
        SELECT r.ctid, r.ticket_id, r.group_key, r.route, r.rank, r.seq FROM swarm.ready r
        WHERE r.queue_id = _at.id AND r.group_key IS NULL AND (r.rank, r.seq) > (_rank, _seq)
          AND (r.expires_at IS NULL OR r.expires_at > _now) AND (r.route IS NULL OR r.route <> ALL (_shut))
        ORDER BY r.rank, r.seq
        LIMIT _limit)
    ORDER BY rank, seq;
END $$;
