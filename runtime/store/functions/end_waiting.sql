-- Ends tickets that wait, wherever they do, without anybody having worked on them: cancelled or failed, for the reason
-- that _data gives. With a _clock only those for whom it has run out: 'queue' for a wait in `ready`, 'review' for a
-- person's verdict, 'deadline'. Answers
-- which ended; the others are final already, or were claimed while we looked, and then have a lease that must be dealt
-- with first.
-- Locks tickets by number, then what holds them; never a lease.
DROP FUNCTION IF EXISTS swarm.end_waiting;
CREATE FUNCTION swarm.end_waiting(_ticket_ids bigint[], _ending swarm.final_state, _data jsonb,
                                  _clock text DEFAULT NULL) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _open  bigint[];
    _ended bigint[] := '{}';
    _gone  bigint[];
BEGIN
    _open := ARRAY(SELECT t.id FROM unnest(_ticket_ids) AS g (id) JOIN swarm.tickets t ON t.id = g.id
                   WHERE t.final_state IS NULL ORDER BY t.id FOR UPDATE OF t);
    -- Under the lock a second look: the first one may have waited for somebody who ended them, or gave them a second
    -- chance without a deadline.
    _open := ARRAY(SELECT t.id FROM unnest(_open) AS g (id) JOIN swarm.tickets t ON t.id = g.id
                   WHERE t.final_state IS NULL
                     AND (_clock IS DISTINCT FROM 'deadline' OR t.deadline_at <= clock_timestamp()));
    PERFORM FROM swarm.blocked WHERE ticket_id = ANY (_open) ORDER BY ticket_id FOR UPDATE;

    -- In the direction in which tickets move, each with a snapshot of its own: what one statement misses because it has
    -- just moved on, the next one finds. A review ends only under the lock of its ticket, so it stands anywhere.
    IF _clock IS DISTINCT FROM 'queue' THEN
        WITH d AS (DELETE FROM swarm.reviews
                   WHERE ticket_id = ANY (_open)
                     AND (_clock IS DISTINCT FROM 'review' OR expires_at <= clock_timestamp())
                   RETURNING ticket_id)
        SELECT coalesce(array_agg(ticket_id), '{}') INTO _gone FROM d;
        _ended := _ended || _gone;
    END IF;
    IF _clock IS NULL OR _clock = 'deadline' THEN
        WITH d AS (DELETE FROM swarm.blocked WHERE ticket_id = ANY (_open) RETURNING ticket_id)
        SELECT coalesce(array_agg(ticket_id), '{}') INTO _gone FROM d;
        _ended := _ended || _gone;
        WITH d AS (DELETE FROM swarm.scheduled WHERE ticket_id = ANY (_open) RETURNING ticket_id)
        SELECT coalesce(array_agg(ticket_id), '{}') INTO _gone FROM d;
        _ended := _ended || _gone;
    END IF;
    IF _clock IS DISTINCT FROM 'review' THEN
        WITH d AS (DELETE FROM swarm.ready
                   WHERE ticket_id = ANY (_open)
                     AND (_clock IS DISTINCT FROM 'queue' OR expires_at <= clock_timestamp())
                   RETURNING ticket_id)
        SELECT coalesce(array_agg(ticket_id), '{}') INTO _gone FROM d;
        _ended := _ended || _gone;
    END IF;

    UPDATE swarm.tickets SET final_state = _ending, finished_at = clock_timestamp() WHERE id = ANY (_ended);
    INSERT INTO swarm.ticket_events (ticket_id, kind, data)
    SELECT id, _ending::text::swarm.event_kind, _data FROM unnest(_ended) AS e (id) ORDER BY id;
    PERFORM swarm.closed(_ended);
    RETURN _ended;
END $$;
