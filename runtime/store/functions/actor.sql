-- Who speaks in this session, as events keep it: what a node calls itself. Whoever isn't a node could call himself
-- anything, so for him it is the role that he logged in as. The column's default, so it is replaced and never dropped.
CREATE OR REPLACE FUNCTION swarm.actor() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    _said CONSTANT text := nullif(current_setting('swarm.actor', true), '');
BEGIN
    IF _said IS NULL THEN
        RETURN session_user;
    ELSIF pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'swarm.tickets'::regclass), 'MEMBER')
          OR (to_regrole('swarm_node') IS NOT NULL AND pg_has_role(session_user, 'swarm_node', 'MEMBER')) THEN
        RETURN _said;
    END IF;
    RETURN session_user;
END $$;
