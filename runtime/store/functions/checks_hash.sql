-- The SHA-256 of what decides whether a ticket's work is done; NULL for a ticket without checks. It is kept with the
-- ticket when that is created, and every claim compares: whoever changes a payload later must not change the judge.
DROP FUNCTION IF EXISTS swarm.checks_hash;
CREATE FUNCTION swarm.checks_hash(_payload jsonb) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN coalesce(_payload -> 'check', '[]') <> '[]' OR _payload ? 'checks'
                THEN sha256(convert_to(jsonb_build_array(_payload -> 'check', _payload -> 'check_timeout_ms',
                                                         _payload -> 'checks')::text, 'UTF8')) END;
END $$;
