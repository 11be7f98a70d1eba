-- Makes a ticket that waits depend on another one, while everything runs. Refused with the way round when it would wait
-- for itself. Additions between existing tickets come one after another, or two of them could close a cycle together.
-- Answers the state of the dependent afterwards.
CREATE OR REPLACE FUNCTION swarm.add_dependency(_parent_id bigint, _child_id bigint, _on_failure text DEFAULT 'block')
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _parent swarm.tickets;
    _child  swarm.tickets;
    _waits  boolean;
    _moved  integer;
    _run_at timestamptz;
BEGIN
    UPDATE swarm.edge_changes SET changes = changes + 1;
    PERFORM FROM swarm.tickets WHERE id IN (_parent_id, _child_id) ORDER BY id FOR UPDATE;
    SELECT * INTO _parent FROM swarm.tickets WHERE id = _parent_id;
    SELECT * INTO _child FROM swarm.tickets WHERE id = _child_id;
    IF _parent.id IS NULL OR _child.id IS NULL THEN
        RAISE EXCEPTION 'there is no ticket %', coalesce(CASE WHEN _child.id IS NULL THEN _child_id ELSE _parent_id END::text, 'NULL')
            USING ERRCODE = 'SW002';
    ELSIF _on_failure IS NULL OR _on_failure NOT IN ('block', 'cancel', 'ignore') THEN
        RAISE EXCEPTION 'on_failure must be block, cancel or ignore' USING ERRCODE = 'SW002';
    ELSIF _child.final_state IS NOT NULL THEN
        RAISE EXCEPTION 'ticket % is % already', _child_id, _child.final_state USING ERRCODE = 'SW002';
    END IF;

    PERFORM swarm.refuse_to_wait_for_itself(_parent_id, _child_id);
    _waits := _parent.final_state IS DISTINCT FROM 'completed'
              AND NOT (_parent.final_state IS NOT NULL AND _on_failure = 'ignore');
    INSERT INTO swarm.dependencies (parent_id, child_id, on_failure, counted)
    VALUES (_parent_id, _child_id, _on_failure::swarm.edge_policy, _waits)
    ON CONFLICT DO NOTHING;
    IF FOUND AND NOT _waits THEN
        INSERT INTO swarm.ticket_events (ticket_id, kind, data)
        VALUES (_child_id, 'dependency_added', jsonb_build_object(
            'needs', jsonb_build_array(jsonb_build_array(_parent_id, _on_failure, false))));
    ELSIF FOUND THEN
        UPDATE swarm.blocked SET remaining = remaining + 1 WHERE ticket_id = _child_id;
        IF NOT FOUND THEN
            -- It keeps the moment that it was put off to.
            WITH d AS (DELETE FROM swarm.scheduled WHERE ticket_id = _child_id RETURNING run_at)
            UPDATE swarm.tickets t SET run_at = greatest(t.run_at, d.run_at) FROM d WHERE t.id = _child_id
            RETURNING t.run_at INTO _run_at;
            GET DIAGNOSTICS _moved = ROW_COUNT;
            IF _moved = 0 THEN
                DELETE FROM swarm.ready WHERE ticket_id = _child_id;
                GET DIAGNOSTICS _moved = ROW_COUNT;
            END IF;
            IF _moved = 0 THEN
                RAISE EXCEPTION 'ticket % is in progress already', _child_id USING ERRCODE = 'SW002';
            END IF;
            IF EXISTS (SELECT FROM swarm.waits WHERE ticket_id = _child_id) THEN
                RAISE EXCEPTION 'ticket % is in progress already: it waits for an answer', _child_id
                    USING ERRCODE = 'SW002';
            END IF;
            INSERT INTO swarm.blocked (ticket_id, remaining) VALUES (_child_id, 1);
        END IF;
        INSERT INTO swarm.ticket_events (ticket_id, kind, data)
        VALUES (_child_id, 'blocked', jsonb_strip_nulls(jsonb_build_object(
            'needs', jsonb_build_array(jsonb_build_array(_parent_id, _on_failure, true)), 'run_at', _run_at)));
        IF _parent.final_state IS NOT NULL AND _on_failure = 'cancel' THEN
            INSERT INTO swarm.cascade_work (parent_id, ending, after_child)
            VALUES (_parent_id, _parent.final_state, _child_id - 1);
        END IF;
    END IF;
    RETURN (SELECT state FROM swarm.tickets_view WHERE id = _child_id);
END $$;

-- Refuses an edge that would close a circle, and names the way round. First only whether there is one: there may be
-- more ways through a graph than anybody could look at.
DROP FUNCTION IF EXISTS swarm.refuse_to_wait_for_itself;
CREATE FUNCTION swarm.refuse_to_wait_for_itself(_parent_id bigint, _child_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _above   bigint[];
    _current bigint := _child_id;
    _way     text := _child_id::text;
BEGIN
    _above := ARRAY(
        WITH RECURSIVE above (id) AS (
            SELECT _parent_id
            UNION
            SELECT d.parent_id FROM above a JOIN swarm.dependencies d ON d.child_id = a.id
        )
        SELECT id FROM above);
    IF _child_id <> ALL (_above) THEN
        RETURN;
    END IF;
    -- From everything above the parent some way leads down to it.
    WHILE _current <> _parent_id LOOP
        SELECT d.child_id INTO STRICT _current FROM swarm.dependencies d
        WHERE d.parent_id = _current AND d.child_id = ANY (_above) LIMIT 1;
        _way := _way || ' -> ' || _current;
    END LOOP;
    RAISE EXCEPTION 'ticket % would wait for itself: % -> %', _child_id, _way, _child_id USING ERRCODE = 'SW002';
END $$;
