-- Submits a ticket at every moment that a cron expression names in a time zone: "minute hour day month weekday", with
-- *, lists, ranges, steps and English names. Replaces the schedule of the same name; a moment that is due isn't lost by
-- that. Answers when it fires first.
CREATE OR REPLACE FUNCTION swarm.schedule(name text, cron text, ticket jsonb, time_zone text DEFAULT 'UTC') RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    _next timestamptz := swarm.next_fire(cron, time_zone, clock_timestamp());
BEGIN
    IF name !~ '^[^[:cntrl:]]{1,200}$' OR name ~ '^\s*$' THEN
        RAISE EXCEPTION 'a schedule''s name has 1 to 200 characters on one line' USING ERRCODE = 'SW002';
    END IF;
    PERFORM swarm.refuse_ticket(ticket);
    INSERT INTO swarm.schedules AS s (name, cron, time_zone, ticket, next_at)
    VALUES (name, cron, time_zone, ticket, _next)
    ON CONFLICT ON CONSTRAINT schedule_name_once
    DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone, ticket = excluded.ticket, last_failure = NULL,
                  next_at = CASE WHEN s.paused_at IS NULL
                                 THEN least(excluded.next_at,
                                            CASE WHEN s.next_at <= clock_timestamp() THEN s.next_at END) END;
    RETURN _next;
END $$;

CREATE OR REPLACE FUNCTION swarm.unschedule(_name text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM swarm.schedules s WHERE s.name = _name;
    RETURN FOUND;
END $$;

-- Fires schedules that are due: one ticket each, also when several moments passed while nobody looked. A moment that has
-- been fired before isn't fired again. One whose ticket is refused, because of a parent that is gone or a unique key that
-- is held, misses its moment, says so, and holds up nobody else.
DROP FUNCTION IF EXISTS swarm.fire;
CREATE FUNCTION swarm.fire(_limit integer) RETURNS integer LANGUAGE plpgsql VOLATILE SET lock_timeout = '200ms' AS $$
DECLARE
    _due     swarm.schedules;
    _next    timestamptz;
    _failure text;
    _ticket  bigint;
    _fired   integer := 0;
BEGIN
    FOR _due IN
        SELECT * FROM swarm.schedules s
        WHERE s.next_at <= clock_timestamp()
          -- Else somebody's transaction is about to take or give its unique key: at the next look.
          AND (NOT s.ticket ? 'unique_key' OR swarm.try_unique_key(s.ticket ->> 'unique_key'))
        ORDER BY s.next_at LIMIT _limit FOR UPDATE SKIP LOCKED
    LOOP
        _failure := NULL;
        IF NOT EXISTS (SELECT FROM swarm.firings WHERE schedule_id = _due.id AND fire_at = _due.next_at) THEN
            BEGIN
                _ticket := swarm.enqueue_object(_due.ticket);
                INSERT INTO swarm.firings (schedule_id, fire_at, ticket_id) VALUES (_due.id, _due.next_at, _ticket);
                _fired := _fired + 1;
            EXCEPTION
                WHEN lock_not_available THEN
                    -- Somebody has in hand what its ticket needs: at the next look. A crowd waits for him once.
                    PERFORM set_config('lock_timeout', '1ms', true);
                    CONTINUE;
                WHEN OTHERS THEN
                    IF SQLSTATE !~ '^(22|23|54|SW)' THEN
                        RAISE; -- no fault of the ticket: the whole look is repeated
                    END IF;
                    _failure := format('at %s: %s', _due.next_at, SQLERRM);
            END;
        END IF;
        BEGIN
            _next := swarm.next_fire(_due.cron, _due.time_zone, clock_timestamp());
        EXCEPTION
            WHEN SQLSTATE 'SW002' THEN -- its time zone is gone, say: that was the last time
                _next := NULL;
                _failure := concat_ws('; ', _failure, format('stopped: %s', SQLERRM));
        END;
        UPDATE swarm.schedules SET next_at = _next, last_failure = _failure WHERE id = _due.id;
    END LOOP;
    RETURN _fired;
END $$;
