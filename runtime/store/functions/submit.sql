-- Submits tickets with their dependencies, all or nothing. Positions in the arrays start at 1; _parents[i] must
-- end before _children[i] starts, and _policies[i] says what happens when it doesn't complete. A parent may also be a
-- ticket that exists: then it is named by its number, negative. _extras: what few tickets have, as an object or NULL:
-- run_at, queue_timeout_ms, start_timeout_ms, progress_timeout_ms, deadline_ms, group_key, unique_key. With a name they
-- form a graph; without one (NULL) they are single tickets and have no keys. Returns the numbers of the tickets in the
-- order given.
DROP FUNCTION IF EXISTS swarm.submit;
CREATE FUNCTION swarm.submit(
    _graph text, _keys text[], _queues text[], _kinds text[], _priorities smallint[], _attempts_max smallint[],
    _timeouts_ms bigint[], _payloads text[], _extras jsonb[], _parents bigint[], _children integer[], _policies text[],
    _spawned_by bigint, _depth smallint,
    OUT graph_id bigint, OUT ticket_ids bigint[])
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    _now       timestamptz := clock_timestamp();
    _actor     CONSTANT text := swarm.actor();
    _remaining integer[]; -- per ticket, the parents that must end first; NULL when there are no edges at all
    _needs     jsonb[];   -- per ticket, its edges as the log keeps them
    _done      bigint[] := '{}'; -- existing parents that no ticket waits for
    _unique_keys text[]; -- of those tickets that have one ...
    _unique_ids  bigint[]; -- ... and which they are
BEGIN
    PERFORM swarm.refuse_extras(x) FROM unnest(_extras) AS x WHERE x IS NOT NULL;
    IF _graph IS NOT NULL THEN
        INSERT INTO swarm.graphs (name) VALUES (_graph) RETURNING id INTO graph_id;
    END IF;
    -- In order: two submissions of the same new names would wait for each other.
    INSERT INTO swarm.queues (name) SELECT DISTINCT q FROM unnest(_queues) AS q
        WHERE NOT EXISTS (SELECT FROM swarm.queues k WHERE k.name = q)
        ORDER BY q
        ON CONFLICT DO NOTHING;
    ticket_ids := ARRAY(SELECT nextval('swarm.ticket_ids') FROM generate_subscripts(_kinds, 1));

    SELECT array_agg(x ->> 'unique_key'), array_agg(id) INTO _unique_keys, _unique_ids
    FROM unnest(_extras, ticket_ids) AS g (x, id) WHERE x ? 'unique_key';
    IF _unique_keys IS NOT NULL THEN
        PERFORM swarm.take_unique_keys(_unique_keys, _unique_ids);
    END IF;

    PERFORM swarm.keep_blobs(ARRAY(SELECT p FROM unnest(_payloads) AS p WHERE swarm.is_blob(p)));
    IF cardinality(_children) > 0 THEN
        PERFORM swarm.refuse_cycle(_keys, _parents, _children);
        -- None of them can end between this look and our commit. In order, as everybody locks tickets.
        PERFORM FROM swarm.tickets WHERE id = ANY (ARRAY(SELECT DISTINCT -p FROM unnest(_parents) AS p WHERE p < 0))
        ORDER BY id FOR SHARE;
        PERFORM swarm.refuse_unknown(_parents);
        _done := ARRAY(SELECT -e.parent FROM unnest(_parents, _policies) AS e (parent, policy)
                       JOIN swarm.tickets t ON t.id = -e.parent
                       WHERE e.parent < 0 AND (t.final_state = 'completed'
                                               OR (t.final_state IS NOT NULL AND e.policy = 'ignore')));
        _remaining := ARRAY(
            SELECT count(*) - 1
            FROM (SELECT generate_subscripts(_kinds, 1)
                  UNION ALL
                  SELECT child FROM unnest(_parents, _children) AS e (parent, child)
                  WHERE e.parent > 0 OR -e.parent <> ALL (_done)) AS p (place)
            GROUP BY place ORDER BY place);
        -- Side by side with the tickets, because a join of the two would look at every pair.
        _needs := ARRAY(
            SELECT jsonb_agg(need) FILTER (WHERE need IS NOT NULL)
            FROM (SELECT generate_subscripts(_kinds, 1), NULL::jsonb
                  UNION ALL
                  SELECT e.child, jsonb_build_array(CASE WHEN e.parent < 0 THEN -e.parent ELSE ticket_ids[e.parent] END,
                                                    e.policy, e.parent > 0 OR -e.parent <> ALL (_done))
                  FROM unnest(_parents, _children, _policies) AS e (parent, child, policy)) AS p (place, need)
            GROUP BY place ORDER BY place);
    END IF;

    WITH given AS MATERIALIZED (
        SELECT g.*, q.id AS queue_id,
               CASE WHEN swarm.is_blob(g.payload) THEN sha256(convert_to(g.payload, 'UTF8')) END AS payload_hash,
               swarm.route_of(g.kind, g.payload) AS route, g.extras ->> 'group_key' AS group_key,
               g.extras ->> 'unique_key' AS unique_key,
               (g.extras ->> 'run_at')::timestamptz AS run_at,
               coalesce((g.extras ->> 'queue_timeout_ms')::bigint, 0) AS queue_timeout_ms,
               coalesce((g.extras ->> 'start_timeout_ms')::bigint, 0) AS start_timeout_ms,
               coalesce((g.extras ->> 'progress_timeout_ms')::bigint, 0) AS progress_timeout_ms,
               _now + swarm.milliseconds((g.extras ->> 'deadline_ms')::bigint) AS deadline_at
        FROM unnest(ticket_ids, _keys, _queues, _kinds, _priorities, _attempts_max, _timeouts_ms, _payloads, _extras,
                    _remaining, _needs)
             AS g (id, key, queue, kind, priority, attempts_max, timeout_ms, payload, extras, remaining, needs)
        JOIN swarm.queues q ON q.name = g.queue
    ), stored AS (
        INSERT INTO swarm.tickets (id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms, payload,
                                   payload_hash, unique_key, run_at, queue_timeout_ms, start_timeout_ms,
                                   progress_timeout_ms, deadline_at, group_key, spawned_by, depth, route, checks_hash)
        SELECT id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms,
               CASE WHEN payload_hash IS NULL THEN payload::jsonb END, payload_hash, unique_key, run_at,
               queue_timeout_ms, start_timeout_ms, progress_timeout_ms, deadline_at, group_key, _spawned_by, _depth, route,
               swarm.checks_hash(payload::jsonb)
        FROM given
    ), edges AS (
        INSERT INTO swarm.dependencies (parent_id, child_id, on_failure, counted)
        SELECT CASE WHEN e.parent < 0 THEN -e.parent ELSE ticket_ids[e.parent] END, ticket_ids[e.child],
               e.policy::swarm.edge_policy, e.parent > 0 OR -e.parent <> ALL (_done)
        FROM unnest(_parents, _children, _policies) AS e (parent, child, policy)
    ), timed AS (
        INSERT INTO swarm.deadlines (ticket_id, at) SELECT id, deadline_at FROM given WHERE deadline_at IS NOT NULL
    ), held AS (
        INSERT INTO swarm.blocked (ticket_id, remaining) SELECT id, remaining FROM given WHERE remaining > 0
    ), doomed AS (
        -- A parent that has failed already, and a dependent that shall not outlive that.
        INSERT INTO swarm.cascade_work (parent_id, ending, after_child)
        SELECT t.id, t.final_state, min(ticket_ids[e.child]) - 1
        FROM unnest(_parents, _children, _policies) AS e (parent, child, policy)
        JOIN swarm.tickets t ON t.id = -e.parent
        WHERE e.parent < 0 AND e.policy = 'cancel' AND t.final_state IN ('failed', 'cancelled')
        GROUP BY t.id, t.final_state ORDER BY t.id
    )
    -- All of the ticket: the log alone is enough to rebuild it.
    INSERT INTO swarm.ticket_events (ticket_id, kind, actor, data)
    SELECT g.id, 'submitted', _actor,
           CASE WHEN g.extras IS NULL THEN '{}'
                ELSE jsonb_strip_nulls(g.extras - 'deadline_ms' || jsonb_build_object('deadline_at', g.deadline_at)) END
           || jsonb_build_object('queue', g.queue, 'kind', g.kind, 'priority', g.priority, 'attempts_max', g.attempts_max,
                              'timeout_ms', g.timeout_ms,
                              'place', CASE WHEN g.remaining > 0 THEN 'blocked' WHEN g.run_at > _now THEN 'scheduled'
                                            ELSE 'ready' END)
           || CASE WHEN g.payload_hash IS NULL THEN jsonb_build_object('payload', g.payload::jsonb)
                   ELSE jsonb_build_object('payload_hash', encode(g.payload_hash, 'hex')) END
           || CASE WHEN graph_id IS NULL THEN '{}' ELSE jsonb_build_object('graph_id', graph_id, 'key', g.key) END
           || CASE WHEN _spawned_by IS NULL THEN '{}'
                   ELSE jsonb_build_object('spawned_by', _spawned_by, 'depth', _depth) END
           || CASE WHEN g.needs IS NULL THEN '{}' ELSE jsonb_build_object('needs', g.needs) END
    FROM given g
    ORDER BY g.id;

    -- With a place in the queue last: from then on it may be claimed, as soon as this is committed.
    PERFORM swarm.make_ready(CASE WHEN _remaining IS NULL THEN ticket_ids
                                  ELSE ARRAY(SELECT id FROM unnest(ticket_ids, _remaining) AS g (id, remaining)
                                             WHERE remaining = 0) END, _now);
END $$;

DROP FUNCTION IF EXISTS swarm.refuse_unknown;
CREATE FUNCTION swarm.refuse_unknown(_parents bigint[]) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    _unknown text;
BEGIN
    SELECT string_agg((-p)::text, ', ' ORDER BY -p) INTO _unknown
    FROM unnest(_parents) AS p WHERE p < 0 AND NOT EXISTS (SELECT FROM swarm.tickets t WHERE t.id = -p);
    IF _unknown IS NOT NULL THEN
        RAISE EXCEPTION 'there is no ticket % to wait for', _unknown USING ERRCODE = 'SW002';
    END IF;
END $$;

-- Refuses a graph whose tickets would wait for themselves, and names the way round. A graph whose edges all point
-- forward, as that of a careful client, costs one look at them.
DROP FUNCTION IF EXISTS swarm.refuse_cycle;
CREATE FUNCTION swarm.refuse_cycle(_keys text[], _parents bigint[], _children integer[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _size    CONSTANT integer := cardinality(_keys);
    _from    integer[]; -- the edges, sorted by parent
    _to      integer[];
    _first   integer[] := array_fill(0, ARRAY[_size + 1]); -- where a parent's edges start in them; 0: it has none
    _open    integer[] := array_fill(0, ARRAY[_size + 1]); -- parents of a ticket that are not taken away yet
    _free    integer[]; -- tickets to take away
    _top     integer;
    _current integer;
    _edge    integer;
    _path    integer[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(_parents, _children) AS e (parent, child) WHERE parent >= child) THEN
        RETURN;
    ELSIF EXISTS (SELECT FROM unnest(_parents) AS p WHERE p = 0 OR p > _size) THEN
        RAISE EXCEPTION 'a ticket waits for one that isn''t among the % submitted', _size USING ERRCODE = 'SW002';
    END IF;
    SELECT array_agg(parent ORDER BY parent), array_agg(child ORDER BY parent) INTO _from, _to
    FROM unnest(_parents, _children) AS e (parent, child) WHERE parent > 0;
    FOR i IN REVERSE cardinality(_from) .. 1 LOOP
        _first[_from[i]] := i;
        _open[_to[i]] := _open[_to[i]] + 1;
    END LOOP;

    -- What is left when tickets without an open parent are taken away again and again waits for itself.
    _free := ARRAY(SELECT i FROM generate_series(1, _size) AS i WHERE _open[i] = 0);
    _top := cardinality(_free);
    WHILE _top > 0 LOOP
        _current := _free[_top];
        _top := _top - 1;
        _edge := _first[_current];
        WHILE _edge > 0 AND _from[_edge] = _current LOOP
            _open[_to[_edge]] := _open[_to[_edge]] - 1;
            IF _open[_to[_edge]] = 0 THEN
                _top := _top + 1;
                _free[_top] := _to[_edge];
            END IF;
            _edge := _edge + 1;
        END LOOP;
    END LOOP;
    SELECT i INTO _current FROM generate_series(1, _size) AS i WHERE _open[i] > 0 LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    WHILE _current <> ALL (_path) LOOP
        _path := _current || _path;
        SELECT parent INTO _current FROM unnest(_from, _to) AS e (parent, child)
        WHERE child = _current AND _open[parent] > 0 LIMIT 1;
    END LOOP;
    _path := _current || _path[:array_position(_path, _current)];
    RAISE EXCEPTION 'the tickets would wait for each other: %',
        (SELECT string_agg(coalesce(_keys[p], '#' || p), ' -> ' ORDER BY place)
         FROM unnest(_path) WITH ORDINALITY AS s (p, place)) USING ERRCODE = 'SW002';
END $$;
