-- Notes that a reaper could look. When none could for _gap_ms, the database was away, or everybody was: silence proves
-- nothing then, and all leases count as renewed at the end of the gap. A transaction of its own, before that which
-- reclaims: reapers must not wait for each other.
DROP FUNCTION IF EXISTS swarm.note_sweep;
CREATE FUNCTION swarm.note_sweep(_gap_ms bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _now timestamptz := clock_timestamp();
BEGIN
    UPDATE swarm.reaping
    SET extended_at = CASE WHEN last_sweep_at < _now - swarm.milliseconds(_gap_ms) THEN _now ELSE extended_at END,
        last_sweep_at = _now;
END $$;
