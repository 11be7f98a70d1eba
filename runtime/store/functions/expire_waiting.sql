-- Fails tickets that waited too long, by one clock: 'queue', in `ready` past their queue timeout; 'review', for a person
-- who didn't come; or 'deadline', anywhere
-- past the deadline of the whole ticket. Running ones are left to their workers and to expire_attempts. Answers how many
-- failed. One clock per transaction: tickets are locked in order, and two sets after one another wouldn't be.
DROP FUNCTION IF EXISTS swarm.expire_waiting;
CREATE FUNCTION swarm.expire_waiting(_clock text, _limit integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _due bigint[];
    _failed integer;
BEGIN
    IF _clock = 'queue' THEN
        -- Without locks: end_waiting takes them in its order and looks again.
        _due := ARRAY(SELECT ticket_id FROM swarm.ready WHERE expires_at <= _now ORDER BY expires_at LIMIT _limit);
    ELSIF _clock = 'review' THEN
        _due := ARRAY(SELECT ticket_id FROM swarm.reviews WHERE expires_at <= _now ORDER BY expires_at LIMIT _limit);
    ELSE
        _due := ARRAY(SELECT d.ticket_id FROM swarm.deadlines d
                      WHERE d.at <= _now AND NOT EXISTS (SELECT FROM swarm.leases l WHERE l.ticket_id = d.ticket_id)
                      ORDER BY d.at LIMIT _limit);
    END IF;
    IF cardinality(_due) = 0 THEN
        RETURN 0;
    END IF;
    -- Those that somebody's open transaction holds are left for later, or it would hold up all others.
    _due := ARRAY(SELECT t.id FROM swarm.tickets t WHERE t.id = ANY (_due) ORDER BY t.id FOR UPDATE SKIP LOCKED);
    _failed := cardinality(swarm.end_waiting(
        _due, 'failed',
        jsonb_build_object('class', 'timeout', 'clock', _clock, 'evidence',
                           CASE _clock WHEN 'queue' THEN 'no worker took it within its queue timeout'
                                       WHEN 'review' THEN 'nobody approved or rejected it in time'
                                       ELSE 'its deadline passed while it waited' END),
        _clock));
    -- A row goes with the ticket's deadline: one that was claimed while we looked may come back and wait again.
    DELETE FROM swarm.deadlines d
    WHERE d.ticket_id = ANY (ARRAY(SELECT x.ticket_id FROM swarm.deadlines x JOIN swarm.tickets t ON t.id = x.ticket_id
                                   WHERE _clock = 'deadline' AND x.ticket_id = ANY (_due)
                                     AND (t.final_state IS NOT NULL OR t.deadline_at IS NULL)
                                   ORDER BY x.ticket_id FOR UPDATE OF x SKIP LOCKED));
    RETURN _failed;
END $$;
