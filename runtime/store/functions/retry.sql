-- An operator's second chance for a failed or cancelled ticket, under the same number: fresh counters, and a place in
-- `ready`, or in `blocked` while parents are unfinished. Its next claim has a new fence, so a zombie of the old attempts
-- can't speak for it. Answers 'revived_ready', 'revived_blocked', 'not_found', or the state that doesn't allow it.
DROP FUNCTION IF EXISTS swarm.retry;
CREATE FUNCTION swarm.retry(_ticket_id bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _ticket    swarm.tickets;
    _remaining integer;
BEGIN
    -- Parents are locked with the ticket, in one order: none can complete between the count below and our commit.
    PERFORM FROM swarm.tickets t
    WHERE t.id = _ticket_id OR t.id IN (SELECT parent_id FROM swarm.dependencies WHERE child_id = _ticket_id)
    ORDER BY t.id
    FOR UPDATE;

    SELECT * INTO _ticket FROM swarm.tickets WHERE id = _ticket_id;
    IF NOT FOUND THEN
        RETURN 'not_found';
    ELSIF _ticket.final_state IS NULL THEN
        RETURN (SELECT state FROM swarm.tickets_view WHERE id = _ticket_id);
    ELSIF _ticket.final_state = 'completed' THEN
        RETURN 'completed';
    END IF;

    SELECT count(*) INTO _remaining FROM swarm.dependencies d JOIN swarm.tickets p ON p.id = d.parent_id
    WHERE d.child_id = _ticket_id AND p.final_state IS DISTINCT FROM 'completed';

    UPDATE swarm.tickets
    SET final_state = NULL, finished_at = NULL, attempts = 0, infra_retries = 0, check_retries = 0, reclaims = 0
    WHERE id = _ticket_id;
    IF _remaining > 0 THEN
        INSERT INTO swarm.blocked (ticket_id, remaining, queue_id, priority)
        VALUES (_ticket_id, _remaining, _ticket.queue_id, _ticket.priority);
    ELSE
        INSERT INTO swarm.ready (queue_id, priority, ticket_id)
        VALUES (_ticket.queue_id, _ticket.priority, _ticket_id);
    END IF;
    INSERT INTO swarm.ticket_events (ticket_id, kind, data)
    VALUES (_ticket_id, 'retried', jsonb_build_object('was', _ticket.final_state));
    RETURN CASE WHEN _remaining > 0 THEN 'revived_blocked' ELSE 'revived_ready' END;
END $$;
