-- A function of this set that an older one had with other parameters would stand beside the new one, and calls of it would
-- be ambiguous or reach the old one. What others have built on it (a view, say) stops this with the name of theirs.
DO $$
DECLARE
    _old regprocedure;
BEGIN
    FOR _old IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'swarm'::regnamespace AND p.xmin <> pg_current_xact_id()::xid
          AND EXISTS (SELECT FROM pg_proc n WHERE n.pronamespace = p.pronamespace AND n.proname = p.proname
                                              AND n.xmin = pg_current_xact_id()::xid)
    LOOP
        EXECUTE format('DROP FUNCTION %s', _old);
    END LOOP;
END $$;
