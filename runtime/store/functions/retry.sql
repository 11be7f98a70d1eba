-- An operator's second chance for a failed or cancelled ticket, under the same number: fresh counters, no deadline, the payload's own profile,
-- and a place in `ready`, or in `blocked` while parents are unfinished.
-- Its next claim has a new fence, so a zombie of the old attempts can't speak for it. Refused (SW004) while another ticket
-- holds its unique key. With _only_reason a ticket that didn't end for it, or that somebody has revived meanwhile, is left
-- alone. Answers 'revived_ready', 'revived_blocked', 'not_found', or the state that doesn't allow it.
CREATE OR REPLACE FUNCTION swarm.retry(_ticket_id bigint, _only_reason text DEFAULT NULL) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _ticket    swarm.tickets;
    _remaining integer;
BEGIN
    -- Before any row, as enqueue does.
    PERFORM swarm.lock_unique_keys(ARRAY[unique_key]) FROM swarm.tickets
    WHERE id = _ticket_id AND unique_key IS NOT NULL;
    -- Parents are locked with the ticket, in one order: none can complete between the count below and our commit.
    PERFORM FROM swarm.tickets t
    WHERE t.id = ANY (ARRAY(SELECT parent_id FROM swarm.dependencies WHERE child_id = _ticket_id) || _ticket_id)
    ORDER BY t.id
    FOR UPDATE;

    SELECT * INTO _ticket FROM swarm.tickets WHERE id = _ticket_id;
    IF NOT FOUND THEN
        RETURN 'not_found';
    ELSIF _ticket.final_state IS NULL THEN
        RETURN (SELECT state FROM swarm.tickets_view WHERE id = _ticket_id);
    ELSIF _ticket.final_state = 'completed' OR (_only_reason IS NOT NULL AND _ticket.end_reason IS DISTINCT FROM _only_reason) THEN
        RETURN _ticket.final_state;
    END IF;

    IF _ticket.unique_key IS NOT NULL THEN
        PERFORM swarm.take_unique_keys(ARRAY[_ticket.unique_key], ARRAY[_ticket_id]);
    END IF;
    -- A cascade that passes this ticket now must have done so, or not yet, when its parents are counted.
    PERFORM FROM swarm.cascade_work
    WHERE parent_id IN (SELECT parent_id FROM swarm.dependencies WHERE child_id = _ticket_id) AND ending = 'completed'
    ORDER BY id FOR SHARE;
    _remaining := swarm.open_parents(_ticket_id);
    UPDATE swarm.tickets
    SET final_state = NULL, finished_at = NULL, attempts = 0, infra_retries = 0, check_retries = 0,
        throttles = 0, auth_denials = 0, budget_denials = 0, reclaims = 0, infra_since = NULL, end_reason = NULL,
        deadline_at = NULL, run_at = NULL, signature = NULL, profile = 0,
        route = CASE WHEN profile > 0 THEN swarm.route_at(id, 0) ELSE route END
    WHERE id = _ticket_id;
    IF _remaining > 0 THEN
        INSERT INTO swarm.blocked (ticket_id, remaining) VALUES (_ticket_id, _remaining);
    ELSE
        PERFORM swarm.make_ready(ARRAY[_ticket_id]);
    END IF;
    INSERT INTO swarm.ticket_events (ticket_id, kind, data)
    VALUES (_ticket_id, 'retried', jsonb_build_object(
        'was', _ticket.final_state, 'place', CASE WHEN _remaining > 0 THEN 'blocked' ELSE 'ready' END));
    RETURN CASE WHEN _remaining > 0 THEN 'revived_blocked' ELSE 'revived_ready' END;
END $$;
