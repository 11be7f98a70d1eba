-- Who may do what. Applied last, whenever the functions change. Three roles that log in to nothing themselves; people and
-- programs are made members of them:
--   swarm_node     runs nodes: calls the protocol, owns no table, and can change none past the protocol
--   swarm_enqueue  brings work: enqueues, cancels, retries
--   swarm_read     looks at everything and changes nothing, for dashboards
-- Where the migrating role may not create roles, they are left out, and nodes run as that role itself.
DO $$
DECLARE
    _name   text;
    _entry  CONSTANT text[] := '{claim,settle,throttle,heartbeat,note_sweep,reclaim,expire_attempts,expire_waiting,promote,propagate,cascade,
        register_node,stop_node,submit,spawn,assert_current,add_dependency,cancel,retry,release,approve,reject,enqueue,enqueue_object,
        enqueue_graph,schedule,unschedule,pause_schedule,resume_schedule,pause_queue,resume_queue,configure_queue,why,touched_by,
        breakers_now,close_breaker,limits_now,set_limit,seal,prune,audit_verify,audit_head,audit_has_head,audit_replay,events_after}';
    _bring  CONSTANT text[] := '{enqueue,enqueue_object,enqueue_graph,add_dependency,cancel,retry,spawn,assert_current}';
    _look   CONSTANT text[] := '{why,breakers_now,limits_now,touched_by,events_after,audit_verify,audit_head,audit_has_head,audit_replay}';
    _f      regprocedure;
BEGIN
    FOREACH _name IN ARRAY ARRAY['swarm_node', 'swarm_enqueue', 'swarm_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = _name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', _name);
                EXECUTE format('GRANT %I TO %I', _name, current_user);
            EXCEPTION
                WHEN insufficient_privilege THEN NULL;
                WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was faster
            END;
        END IF;
    END LOOP;

    -- Functions run as their owner, with names that a caller's search_path can't redirect.
    FOR _f, _name IN SELECT p.oid, p.proname FROM pg_proc p WHERE p.pronamespace = 'swarm'::regnamespace LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', _f);
        IF _name = ANY (_entry) THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', _f);
            IF to_regrole('swarm_node') IS NOT NULL THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO swarm_node', _f);
            END IF;
            IF _name = ANY (_bring) AND to_regrole('swarm_enqueue') IS NOT NULL THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO swarm_enqueue', _f);
            END IF;
            IF _name = ANY (_look) AND to_regrole('swarm_read') IS NOT NULL THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO swarm_read', _f);
            END IF;
        END IF;
    END LOOP;

    FOREACH _name IN ARRAY ARRAY['swarm_node', 'swarm_enqueue', 'swarm_read'] LOOP
        IF to_regrole(_name) IS NOT NULL THEN
            EXECUTE format('GRANT USAGE ON SCHEMA swarm TO %I', _name);
            IF _name <> 'swarm_enqueue' THEN
                EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA swarm TO %I', _name);
            END IF;
        END IF;
    END LOOP;
END $$;
