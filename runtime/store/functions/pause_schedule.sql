-- Lets a schedule fire no more until it is resumed; moments that pass meanwhile bring nothing. Who and why is kept for
-- people who wonder.
CREATE OR REPLACE FUNCTION swarm.pause_schedule(_name text, _reason text DEFAULT NULL, _by text DEFAULT session_user) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.schedules
    SET paused_at = clock_timestamp(), paused_by = _by, pause_reason = _reason, next_at = NULL
    WHERE name = _name AND paused_at IS NULL; -- who came first has stopped it
    RETURN FOUND OR EXISTS (SELECT FROM swarm.schedules WHERE name = _name);
END $$;

CREATE OR REPLACE FUNCTION swarm.resume_schedule(_name text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE swarm.schedules
    SET next_at = CASE WHEN paused_at IS NULL THEN next_at
                       ELSE swarm.next_fire(cron, time_zone, clock_timestamp()) END,
        paused_at = NULL, paused_by = NULL, pause_reason = NULL
    WHERE name = _name;
    RETURN FOUND;
END $$;
