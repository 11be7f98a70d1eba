-- Enqueues tickets that depend on each other, in the caller's transaction. `tickets` is an object of objects: what
-- swarm.enqueue takes, under the ticket's key, with `needs` as a list of keys:
--   {"build": {"kind": "command", "payload": {"command": ["make"]}}, "test": {"kind": "noop", "needs": ["build"]}}
-- Answers the number of each. A unique key that another ticket holds refuses the whole graph, whatever on_conflict says:
-- a ticket of somebody else can't stand in for one of a graph.
CREATE OR REPLACE FUNCTION swarm.enqueue_graph(name text, tickets jsonb) RETURNS TABLE (graph_id bigint, key text, ticket_id bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    _name    CONSTANT text := enqueue_graph.name;
    _keys    text[];
    _bodies  jsonb[];
    _unknown text;
    _done    record;
BEGIN
    IF jsonb_typeof(tickets) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the tickets of graph ''%'' must be an object of objects', _name USING ERRCODE = 'SW002';
    END IF;
    SELECT array_agg(t.key ORDER BY t.place), array_agg(t.value ORDER BY t.place) INTO _keys, _bodies
    FROM jsonb_each(tickets) WITH ORDINALITY AS t (key, value, place);
    IF _keys IS NULL THEN
        RAISE EXCEPTION 'graph ''%'' has no tickets', _name USING ERRCODE = 'SW002';
    END IF;
    FOR i IN 1 .. cardinality(_keys) LOOP
        IF jsonb_typeof(_bodies[i]) <> 'object' OR jsonb_typeof(_bodies[i] -> 'needs') <> 'array' THEN
            RAISE EXCEPTION 'ticket ''%'' must be an object, and what it needs a list', _keys[i] USING ERRCODE = 'SW002';
        END IF;
        PERFORM swarm.refuse_ticket(_bodies[i] - 'needs');
    END LOOP;
    SELECT format('ticket ''%s'' needs ''%s'' twice', _keys[i], n) INTO _unknown
    FROM generate_subscripts(_keys, 1) AS i CROSS JOIN jsonb_array_elements_text(coalesce(_bodies[i] -> 'needs', '[]')) AS n
    GROUP BY i, n HAVING count(*) > 1 LIMIT 1;
    IF _unknown IS NOT NULL THEN
        RAISE EXCEPTION '%', _unknown USING ERRCODE = 'SW002';
    END IF;
    SELECT format('ticket ''%s'' needs ''%s'', which isn''t in the graph', _keys[i], n) INTO _unknown
    FROM generate_subscripts(_keys, 1) AS i CROSS JOIN jsonb_array_elements_text(coalesce(_bodies[i] -> 'needs', '[]')) AS n
    WHERE n <> ALL (_keys) LIMIT 1;
    IF _unknown IS NOT NULL THEN
        RAISE EXCEPTION '%', _unknown USING ERRCODE = 'SW002';
    END IF;

    WITH edges AS (
        SELECT array_position(_keys, n)::bigint AS parent, i AS child, coalesce(_bodies[i] ->> 'on_failure', 'block') AS policy
        FROM generate_subscripts(_keys, 1) AS i
        CROSS JOIN jsonb_array_elements_text(coalesce(_bodies[i] -> 'needs', '[]')) AS n
    ), given AS (
        SELECT i, _bodies[i] AS b FROM generate_subscripts(_keys, 1) AS i
    )
    SELECT s.graph_id, s.ticket_ids INTO _done FROM swarm.submit(
        _name, _keys,
        (SELECT array_agg(coalesce(b ->> 'queue', 'default') ORDER BY i) FROM given),
        (SELECT array_agg(b ->> 'kind' ORDER BY i) FROM given),
        (SELECT array_agg(coalesce((b ->> 'priority')::smallint, 100::smallint) ORDER BY i) FROM given),
        (SELECT array_agg(coalesce((b ->> 'attempts')::smallint, 3::smallint) ORDER BY i) FROM given),
        (SELECT array_agg(swarm.to_ms(coalesce(b ->> 'timeout', '1 hour')) ORDER BY i) FROM given),
        (SELECT array_agg(coalesce(b -> 'payload', '{}')::text ORDER BY i) FROM given),
        (SELECT array_agg(swarm.extras_of(b) ORDER BY i) FROM given),
        (SELECT coalesce(array_agg(parent), '{}') FROM edges), (SELECT coalesce(array_agg(child), '{}') FROM edges),
        (SELECT coalesce(array_agg(policy), '{}') FROM edges), NULL, 0::smallint) s;
    RETURN QUERY SELECT _done.graph_id, k, t FROM unnest(_keys, _done.ticket_ids) AS g (k, t);
END $$;
