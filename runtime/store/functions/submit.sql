-- Submits tickets with their dependencies, all or nothing. Positions in the arrays start at 1; _parents[i] must
-- complete before _children[i]. With a name they form a graph; without one (NULL) they are single tickets and have no
-- keys. Returns the numbers of the tickets in the order given.
DROP FUNCTION IF EXISTS swarm.submit;
CREATE FUNCTION swarm.submit(
    _graph text, _keys text[], _queues text[], _kinds text[], _priorities smallint[], _attempts_max smallint[],
    _timeouts_ms bigint[], _payloads text[], _parents integer[], _children integer[],
    OUT graph_id bigint, OUT ticket_ids bigint[])
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    _remaining integer[]; -- per ticket, the parents that must complete first; NULL when there are no edges at all
BEGIN
    IF _graph IS NOT NULL THEN
        INSERT INTO swarm.graphs (name) VALUES (_graph) RETURNING id INTO graph_id;
    END IF;
    -- In order: two submissions of the same new names would wait for each other.
    INSERT INTO swarm.queues (name) SELECT DISTINCT q FROM unnest(_queues) AS q
        WHERE NOT EXISTS (SELECT FROM swarm.queues k WHERE k.name = q)
        ORDER BY q
        ON CONFLICT DO NOTHING;
    ticket_ids := ARRAY(SELECT nextval('swarm.ticket_ids') FROM generate_subscripts(_kinds, 1));

    IF cardinality(_children) > 0 THEN
        _remaining := ARRAY(
            SELECT count(*) - 1
            FROM (SELECT generate_subscripts(_kinds, 1) UNION ALL SELECT unnest(_children)) AS p (place)
            GROUP BY place ORDER BY place);
    END IF;

    WITH given AS MATERIALIZED (
        SELECT g.*, q.id AS queue_id
        FROM unnest(ticket_ids, _keys, _queues, _kinds, _priorities, _attempts_max, _timeouts_ms, _payloads,
                    _remaining)
             AS g (id, key, queue, kind, priority, attempts_max, timeout_ms, payload, remaining)
        JOIN swarm.queues q ON q.name = g.queue
    ), stored AS (
        INSERT INTO swarm.tickets (id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms, payload)
        SELECT id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms, payload::jsonb FROM given
    ), edges AS (
        INSERT INTO swarm.dependencies (parent_id, child_id)
        SELECT ticket_ids[e.parent], ticket_ids[e.child] FROM unnest(_parents, _children) AS e (parent, child)
    ), held AS (
        INSERT INTO swarm.blocked (ticket_id, remaining, queue_id, priority)
        SELECT id, remaining, queue_id, priority FROM given WHERE remaining > 0
    ), queued AS (
        INSERT INTO swarm.ready (queue_id, priority, ticket_id)
        SELECT queue_id, priority, id FROM given WHERE coalesce(remaining, 0) = 0 ORDER BY id
    )
    INSERT INTO swarm.ticket_events (ticket_id, kind) SELECT id, 'submitted' FROM given ORDER BY id;
END $$;
