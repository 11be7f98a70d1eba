-- A person's no to the work of a ticket that waits for a verdict: the attempt has failed its check, with his words as
-- the evidence that the next one begins with. There is no backoff, because a person has thought about it. Answers
-- 'attempt_failed'; 'failed' when that was the last attempt; 'not_found', or 'is ' and the state that doesn't allow it.
CREATE OR REPLACE FUNCTION swarm.reject(_ticket_id bigint, _by text, _why text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _review   swarm.reviews;
    _evidence CONSTANT text := format('rejected by %s: %s', coalesce(_by, session_user), _why);
    _event    swarm.event_kind;
BEGIN
    _by := coalesce(_by, session_user);
    IF coalesce(btrim(_why), '') = '' THEN
        RAISE EXCEPTION 'a rejection needs its reason: it is all that the next attempt learns' USING ERRCODE = 'SW002';
    END IF;
    _review := swarm.take_review(_ticket_id);
    IF _review.ticket_id IS NULL THEN
        RETURN coalesce('is ' || (SELECT state FROM swarm.tickets_view WHERE id = _ticket_id), 'not_found');
    END IF;
    PERFORM swarm.note_verdict(_review, 'check_failed', 'fail', _by, _why, _evidence);
    UPDATE swarm.tickets
    SET attempts = attempts + 1,
        signature = NULL, -- his words are new: what fails then has not failed before
        final_state = CASE WHEN attempts + 1 >= attempts_max THEN 'failed'::swarm.final_state END,
        finished_at = CASE WHEN attempts + 1 >= attempts_max THEN clock_timestamp() END
    WHERE id = _ticket_id
    RETURNING CASE WHEN final_state IS NULL THEN 'attempt_failed' ELSE 'failed' END INTO _event;
    INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, data)
    VALUES (_ticket_id, _event, _review.attempt,
            jsonb_build_object('class', 'check_failed', 'evidence', _evidence, 'rejected_by', _by, 'delay_ms', 0));
    IF _event = 'failed' THEN
        PERFORM swarm.closed(ARRAY[_ticket_id]);
    ELSE
        INSERT INTO swarm.scheduled (ticket_id, run_at) VALUES (_ticket_id, clock_timestamp());
    END IF;
    RETURN _event;
END $$;
