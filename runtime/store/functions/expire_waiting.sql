-- Fails tickets that waited too long, by one clock: 'queue', in `ready` past their queue timeout; or 'deadline', anywhere
-- past the deadline of the whole ticket. Running ones are left to their workers and to expire_attempts. Answers how many
-- failed. One clock per transaction: tickets are locked in order, and two sets after one another wouldn't be.
DROP FUNCTION IF EXISTS swarm.expire_waiting;
CREATE FUNCTION swarm.expire_waiting(_clock text, _limit integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _due bigint[];
BEGIN
    IF _clock = 'queue' THEN
        -- Without locks: end_waiting takes them in its order and looks again.
        _due := ARRAY(SELECT ticket_id FROM swarm.ready WHERE expires_at <= _now ORDER BY expires_at LIMIT _limit);
    ELSE
        WITH due AS (
            DELETE FROM swarm.deadlines d
            WHERE d.ticket_id = ANY (ARRAY(SELECT ticket_id FROM swarm.deadlines WHERE at <= _now ORDER BY at
                                           LIMIT _limit FOR UPDATE SKIP LOCKED))
            RETURNING d.ticket_id
        )
        SELECT coalesce(array_agg(ticket_id), '{}') INTO _due FROM due;
    END IF;
    IF cardinality(_due) = 0 THEN
        RETURN 0;
    END IF;
    RETURN cardinality(swarm.end_waiting(
        _due, 'failed',
        jsonb_build_object('class', 'timeout', 'clock', _clock, 'evidence',
                           CASE _clock WHEN 'queue' THEN 'no worker took it within its queue timeout'
                                       ELSE 'its deadline passed while it waited' END),
        _clock = 'queue'));
END $$;
