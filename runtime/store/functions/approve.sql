-- A person's yes to the work of a ticket that waits for a verdict: it is completed, as if its worker had settled it so,
-- and its dependents are released. Answers 'completed'; 'not_found', or 'is ' and the state that doesn't allow it; or 'has
-- no result', when nothing was done that could be good, unless _without_result says that this is known.
CREATE OR REPLACE FUNCTION swarm.approve(_ticket_id bigint, _by text DEFAULT session_user, _note text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN swarm.approve(_ticket_id, _by, _note, false);
END $$;

CREATE OR REPLACE FUNCTION swarm.approve(_ticket_id bigint, _by text, _note text, _without_result boolean) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _review   swarm.reviews;
    _is_empty boolean;
BEGIN
    _by := coalesce(_by, session_user);
    _review := swarm.take_review(_ticket_id);
    IF _review.ticket_id IS NULL THEN
        RETURN coalesce('is ' || (SELECT state FROM swarm.tickets_view WHERE id = _ticket_id), 'not_found');
    END IF;
    _is_empty := swarm.is_without_result(_review);
    IF _is_empty AND _without_result IS NOT TRUE THEN
        INSERT INTO swarm.reviews VALUES (_review.*); -- it waits on
        RETURN 'has no result';
    END IF;
    PERFORM swarm.note_verdict(_review, 'completed', 'pass', _by, _note,
                               _review.reason || '; approved ' || CASE WHEN _is_empty THEN 'without a result ' ELSE '' END
                               || 'by ' || _by || coalesce(': ' || _note, ''));
    UPDATE swarm.tickets SET final_state = 'completed', finished_at = clock_timestamp() WHERE id = _ticket_id;
    INSERT INTO swarm.ticket_events (ticket_id, kind, attempt, data)
    VALUES (_ticket_id, 'completed', _review.attempt,
            jsonb_strip_nulls(jsonb_build_object('approved_by', _by, 'note', _note,
                                                 'without_result', CASE WHEN _is_empty THEN true END)));
    -- With a snapshot of its own, as in settle: it must see edges that were committed while we waited for the ticket.
    PERFORM swarm.unblock(ARRAY[_ticket_id]);
    RETURN 'completed';
END $$;

-- Takes a review away from whoever comes second. Locks the ticket first, as all do who end what waits.
DROP FUNCTION IF EXISTS swarm.take_review;
CREATE FUNCTION swarm.take_review(_ticket_id bigint) RETURNS swarm.reviews LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _review swarm.reviews;
BEGIN
    PERFORM FROM swarm.tickets WHERE id = _ticket_id FOR UPDATE;
    DELETE FROM swarm.reviews WHERE ticket_id = _ticket_id RETURNING * INTO _review;
    RETURN _review;
END $$;

-- Whether the attempt came to nothing that a person could approve: a model refused, its prompt would have been sent again,
-- or it failed before it had an answer. Whoever has worked for a model leaves a result.
DROP FUNCTION IF EXISTS swarm.is_without_result;
CREATE FUNCTION swarm.is_without_result(_review swarm.reviews) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM swarm.attempts a JOIN swarm.tickets t ON t.id = a.ticket_id
                   WHERE a.ticket_id = _review.ticket_id AND a.fence = _review.fence
                     AND t.kind IN ('claude', 'agent_cli') AND a.class IN ('review', 'content')
                     AND NOT coalesce(a.details, '{}') ? 'result');
END $$;

-- What a person reads of it: the work of a class that uses an attempt isn't done.
DROP FUNCTION IF EXISTS swarm.review_reason;
CREATE FUNCTION swarm.review_reason(_class text, _evidence text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN _class IN ('content', 'check_failed')
                THEN 'it failed twice in the same way, and without a word of yours the next attempt would be no other: '
                ELSE '' END || _evidence;
END $$;

-- Writes the verdict into the attempt: dependents look for the result of a completed one, and the next attempt for what
-- the last one failed of.
DROP FUNCTION IF EXISTS swarm.note_verdict;
CREATE FUNCTION swarm.note_verdict(_review swarm.reviews, _class text, _verdict text, _by text, _words text,
                                   _evidence text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.attempts a
    SET class = _class, evidence = _evidence,
        details = coalesce(a.details, '{}') || jsonb_build_object(
            'checks', coalesce(a.details -> 'checks', '[]') || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                'kind', 'human', 'verdict', _verdict, 'by', _by, 'evidence', _words))))
    WHERE a.ticket_id = _review.ticket_id AND a.fence = _review.fence;
END $$;
