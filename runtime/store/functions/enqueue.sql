-- Enqueues a ticket, in the caller's transaction: with everything else that it does, or not at all. Answers its number.
--   needs, on_failure          tickets that must end before; block, cancel or ignore when one doesn't complete
--   unique_key, on_conflict    among all tickets that aren't final; return the number of the one that holds the key,
--                              replace what it shall do if it still waits, or reject
-- A call is an event for the nodes only with the next poll; whoever wants it at once sends NOTIFY swarm afterwards.
CREATE OR REPLACE FUNCTION swarm.enqueue(
    kind text, payload jsonb DEFAULT '{}', queue text DEFAULT 'default', priority integer DEFAULT 100,
    attempts integer DEFAULT 3, timeout interval DEFAULT '1 hour', run_at timestamptz DEFAULT NULL,
    deadline interval DEFAULT NULL, queue_timeout interval DEFAULT NULL, start_timeout interval DEFAULT NULL,
    progress_timeout interval DEFAULT NULL, needs bigint[] DEFAULT '{}', on_failure text DEFAULT 'block',
    group_key text DEFAULT NULL, unique_key text DEFAULT NULL, on_conflict text DEFAULT 'return') RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
BEGIN
    RETURN swarm.enqueue_object(jsonb_strip_nulls(jsonb_build_object(
        'kind', kind, 'queue', queue, 'priority', priority, 'attempts', attempts,
        'timeout', timeout, 'run_at', run_at, 'deadline', deadline, 'queue_timeout', queue_timeout,
        'start_timeout', start_timeout, 'progress_timeout', progress_timeout, 'needs', needs,
        'on_failure', on_failure, 'group_key', group_key, 'unique_key', unique_key, 'on_conflict', on_conflict))
        || jsonb_build_object('payload', coalesce(payload, '{}'))); -- not stripped: its nulls are the caller's
END $$;

-- The same from an object with these names, as schedules hold it.
DROP FUNCTION IF EXISTS swarm.enqueue_object;
CREATE FUNCTION swarm.enqueue_object(_ticket jsonb) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _key    CONSTANT text := _ticket ->> 'unique_key';
    _needs  bigint[] := ARRAY(SELECT DISTINCT -n::bigint FROM jsonb_array_elements_text(coalesce(_ticket -> 'needs', '[]')) AS n);
    _id     bigint;
    _holder bigint;
BEGIN
    PERFORM swarm.refuse_ticket(_ticket);
    IF _key IS NOT NULL THEN
        PERFORM swarm.lock_unique_keys(ARRAY[_key]);
        _holder := swarm.resolve_conflict(swarm.holder_of(_key), _ticket);
        IF _holder IS NOT NULL THEN
            RETURN _holder;
        END IF;
    END IF;

    SELECT s.ticket_ids[1] INTO _id FROM swarm.submit(
        NULL, ARRAY[NULL::text], ARRAY[coalesce(_ticket ->> 'queue', 'default')], ARRAY[_ticket ->> 'kind'],
        ARRAY[coalesce((_ticket ->> 'priority')::smallint, 100::smallint)],
        ARRAY[coalesce((_ticket ->> 'attempts')::smallint, 3::smallint)],
        ARRAY[swarm.to_ms(coalesce(_ticket ->> 'timeout', '1 hour'))],
        ARRAY[coalesce(_ticket -> 'payload', '{}')::text], ARRAY[swarm.extras_of(_ticket)],
        _needs, array_fill(1, ARRAY[cardinality(_needs)]),
        array_fill(coalesce(_ticket ->> 'on_failure', 'block'), ARRAY[cardinality(_needs)]), NULL, 0::smallint) s;
    RETURN _id;
END $$;

-- What a second ticket with a unique key leads to: the number of the first one, a refusal, or NULL when there is no
-- first one any more.
DROP FUNCTION IF EXISTS swarm.resolve_conflict;
CREATE FUNCTION swarm.resolve_conflict(_holder bigint, _ticket jsonb) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _policy  CONSTANT text := coalesce(_ticket ->> 'on_conflict', 'return');
    _payload CONSTANT text := coalesce(_ticket -> 'payload', '{}')::text;
    _route   CONSTANT text := swarm.route_of(_ticket ->> 'kind', _payload);
    _hash    bytea;
BEGIN
    IF _holder IS NULL OR _policy = 'return' THEN
        RETURN _holder;
    ELSIF _policy = 'reject' THEN
        PERFORM swarm.refuse_key(_ticket ->> 'unique_key', _holder);
    END IF;
    PERFORM FROM swarm.tickets WHERE id = _holder AND final_state IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL; -- it has ended meanwhile
    END IF;
    IF NOT swarm.hold_back(_holder) THEN
        RAISE EXCEPTION 'ticket % holds the unique key ''%'' and is % already', _holder, _ticket ->> 'unique_key',
            CASE WHEN EXISTS (SELECT FROM swarm.reviews r WHERE r.ticket_id = _holder) THEN 'in review' ELSE 'in progress' END
            USING ERRCODE = 'SW004';
    END IF;
    PERFORM swarm.refuse_other_place(_holder, _ticket);
    IF swarm.is_blob(_payload) THEN
        PERFORM swarm.keep_blobs(ARRAY[_payload]);
        _hash := sha256(convert_to(_payload, 'UTF8'));
    END IF;
    UPDATE swarm.tickets
    SET payload = CASE WHEN _hash IS NULL THEN _payload::jsonb END, payload_hash = _hash, kind = _ticket ->> 'kind',
        route = _route,
        attempts_max = coalesce((_ticket ->> 'attempts')::smallint, 3::smallint),
        timeout_ms = swarm.to_ms(coalesce(_ticket ->> 'timeout', '1 hour')),
        checks_hash = swarm.checks_hash(_payload::jsonb), signature = NULL, profile = 0
    WHERE id = _holder;
    UPDATE swarm.ready SET route = _route WHERE ticket_id = _holder AND route IS DISTINCT FROM _route;
    INSERT INTO swarm.ticket_events (ticket_id, kind, data)
    SELECT id, 'replaced', jsonb_build_object('kind', kind, 'attempts_max', attempts_max, 'timeout_ms', timeout_ms)
                           || CASE WHEN _hash IS NULL THEN jsonb_build_object('payload', payload)
                                   ELSE jsonb_build_object('payload_hash', encode(_hash, 'hex')) END
    FROM swarm.tickets WHERE id = _holder;
    RETURN _holder;
END $$;

-- A replacement changes what a ticket shall do, and nothing of where and when: to drop that without a word would start it too
-- soon, or beside what it needs.
DROP FUNCTION IF EXISTS swarm.refuse_other_place;
CREATE FUNCTION swarm.refuse_other_place(_holder bigint, _ticket jsonb) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    _other text;
BEGIN
    SELECT CASE WHEN coalesce(_ticket ->> 'queue', 'default') <> q.name THEN 'queue'
                WHEN coalesce((_ticket ->> 'priority')::smallint, 100::smallint) <> t.priority THEN 'priority'
                WHEN (_ticket ->> 'group_key') IS DISTINCT FROM t.group_key THEN 'group_key'
                WHEN (_ticket ->> 'run_at')::timestamptz IS DISTINCT FROM t.run_at
                     AND ((_ticket ->> 'run_at')::timestamptz > clock_timestamp() OR t.run_at > clock_timestamp()) THEN 'run_at'
                WHEN (_ticket ->> 'deadline') IS NULL <> (t.deadline_at IS NULL) THEN 'deadline'
                WHEN coalesce(swarm.to_ms(_ticket ->> 'queue_timeout'), 0) <> t.queue_timeout_ms THEN 'queue_timeout'
                WHEN coalesce(swarm.to_ms(_ticket ->> 'start_timeout'), 0) <> t.start_timeout_ms THEN 'start_timeout'
                WHEN coalesce(swarm.to_ms(_ticket ->> 'progress_timeout'), 0) <> t.progress_timeout_ms THEN 'progress_timeout'
                WHEN EXISTS (SELECT n::bigint FROM jsonb_array_elements_text(coalesce(_ticket -> 'needs', '[]')) AS n
                             EXCEPT SELECT d.parent_id FROM swarm.dependencies d WHERE d.child_id = _holder) THEN 'needs' END
    INTO _other FROM swarm.tickets t JOIN swarm.queues q ON q.id = t.queue_id WHERE t.id = _holder;
    IF _other IS NOT NULL THEN
        RAISE EXCEPTION 'on_conflict replace changes kind, payload, attempts and timeout of ticket %, and % is another one; '
            'leave it as it is there, or cancel that ticket', _holder, _other USING ERRCODE = 'SW002';
    END IF;
END $$;

-- Keeps a ticket that waits from being claimed before the caller's commit. False when it is claimed already, or its work is
-- under way without a worker: a claim
-- doesn't look at the row in `tickets`, so it must be met where it looks. In the order in which a ticket passes through
-- these tables, so that it can't slip by; one that falls back from a claim is met in the next round.
DROP FUNCTION IF EXISTS swarm.hold_back;
CREATE FUNCTION swarm.hold_back(_ticket_id bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    LOOP
        PERFORM FROM swarm.blocked WHERE ticket_id = _ticket_id FOR UPDATE;
        IF FOUND THEN RETURN true; END IF;
        PERFORM FROM swarm.scheduled WHERE ticket_id = _ticket_id FOR UPDATE;
        IF FOUND THEN RETURN NOT EXISTS (SELECT FROM swarm.waits WHERE ticket_id = _ticket_id); END IF;
        PERFORM FROM swarm.ready WHERE ticket_id = _ticket_id FOR UPDATE;
        IF FOUND THEN RETURN NOT EXISTS (SELECT FROM swarm.waits WHERE ticket_id = _ticket_id); END IF;
        PERFORM FROM swarm.leases WHERE ticket_id = _ticket_id;
        IF FOUND THEN RETURN false; END IF;
        PERFORM FROM swarm.reviews WHERE ticket_id = _ticket_id;
        IF FOUND THEN RETURN false; END IF; -- its work is done
    END LOOP;
END $$;

-- Gives unique keys to tickets: one ticket per key among all that aren't final, whatever way they come.
DROP FUNCTION IF EXISTS swarm.take_unique_keys;
CREATE FUNCTION swarm.take_unique_keys(_keys text[], _ticket_ids bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _twice text;
BEGIN
    PERFORM swarm.lock_unique_keys(_keys);
    SELECT k INTO _twice FROM unnest(_keys) AS k GROUP BY k HAVING count(*) > 1;
    IF FOUND THEN
        RAISE EXCEPTION 'two of these tickets have the unique key ''%''', _twice USING ERRCODE = 'SW002';
    END IF;
    PERFORM swarm.refuse_key(k, swarm.holder_of(k)) FROM unnest(_keys, _ticket_ids) AS g (k, id)
    WHERE swarm.holder_of(k) <> id;
    INSERT INTO swarm.unique_keys (key, ticket_id) SELECT k, id FROM unnest(_keys, _ticket_ids) AS g (k, id) ORDER BY k
    ON CONFLICT (key) DO UPDATE SET ticket_id = excluded.ticket_id;
END $$;

-- Until the caller's transaction ends, whoever comes second waits, and then finds what the first one did.
DROP FUNCTION IF EXISTS swarm.lock_unique_keys;
CREATE FUNCTION swarm.lock_unique_keys(_keys text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('swarm unique key ' || k, 0))
    FROM (SELECT DISTINCT k FROM unnest(_keys) AS k ORDER BY k) sorted;
END $$;

-- The same without waiting: whether nobody else was first.
DROP FUNCTION IF EXISTS swarm.try_unique_key;
CREATE FUNCTION swarm.try_unique_key(_key text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN pg_try_advisory_xact_lock(hashtextextended('swarm unique key ' || _key, 0));
END $$;

-- The ticket that isn't final and has a unique key, or NULL.
DROP FUNCTION IF EXISTS swarm.holder_of;
CREATE FUNCTION swarm.holder_of(_key text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT t.id FROM swarm.unique_keys u JOIN swarm.tickets t ON t.id = u.ticket_id
            WHERE u.key = _key AND t.final_state IS NULL);
END $$;

DROP FUNCTION IF EXISTS swarm.refuse_key;
CREATE FUNCTION swarm.refuse_key(_key text, _holder bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'ticket % holds the unique key ''%''', _holder, _key USING ERRCODE = 'SW004';
END $$;

-- What few tickets have, as submit takes it; NULL for all others.
DROP FUNCTION IF EXISTS swarm.extras_of;
CREATE FUNCTION swarm.extras_of(_ticket jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN nullif(jsonb_strip_nulls(jsonb_build_object(
        'run_at', _ticket ->> 'run_at', 'group_key', _ticket ->> 'group_key', 'unique_key', _ticket ->> 'unique_key',
        'deadline_ms', swarm.to_ms(_ticket ->> 'deadline'),
        'queue_timeout_ms', swarm.to_ms(_ticket ->> 'queue_timeout'),
        'start_timeout_ms', swarm.to_ms(_ticket ->> 'start_timeout'),
        'progress_timeout_ms', swarm.to_ms(_ticket ->> 'progress_timeout'))), '{}');
END $$;

DROP FUNCTION IF EXISTS swarm.to_ms;
CREATE FUNCTION swarm.to_ms(_interval text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM _interval::interval) * 1000)::bigint;
$$;

-- Refuses, in a sentence, what can't be a ticket.
DROP FUNCTION IF EXISTS swarm.refuse_ticket;
CREATE FUNCTION swarm.refuse_ticket(_ticket jsonb) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    _known CONSTANT text[] := '{kind,payload,queue,priority,attempts,timeout,run_at,deadline,queue_timeout,start_timeout,
                                progress_timeout,needs,on_failure,group_key,unique_key,on_conflict}';
    _problem text;
    _clock   text;
    _label   text;
BEGIN
    -- Whatever is turned into a number, a time or a list later must be one now.
    PERFORM swarm.extras_of(_ticket), swarm.to_ms(_ticket ->> 'timeout'), (_ticket ->> 'run_at')::timestamptz,
            (_ticket ->> 'priority')::smallint, (_ticket ->> 'attempts')::smallint,
            ARRAY(SELECT n::bigint FROM jsonb_array_elements_text(coalesce(_ticket -> 'needs', '[]')) AS n);
    SELECT 'a ticket has no ''' || k || '''; it may have ' || array_to_string(_known, ', ') INTO _problem
    FROM jsonb_object_keys(_ticket) AS k WHERE k <> ALL (_known) LIMIT 1;
    SELECT format('%s must lie between nothing and ten years', c) INTO _clock
    FROM unnest('{timeout,deadline,queue_timeout,start_timeout,progress_timeout}'::text[]) AS c
    WHERE swarm.to_ms(_ticket ->> c) NOT BETWEEN 0 AND 315360000000 LIMIT 1;
    SELECT format('%s must be a text of 1 to 200 bytes', c) INTO _label FROM unnest('{group_key,unique_key}'::text[]) AS c
    WHERE octet_length(_ticket ->> c) NOT BETWEEN 1 AND 200 LIMIT 1;
    _problem := coalesce(_problem, _clock, _label, CASE
        WHEN (_ticket ->> 'run_at')::timestamptz NOT BETWEEN '1970-01-01 00:00Z' AND '2500-01-01 00:00Z'
            THEN 'run_at must be a moment before the year 2500'
        WHEN EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(_ticket -> 'needs', '[]')) AS n
                     WHERE n IS NULL OR n::bigint < 1)
            THEN 'what a ticket needs is named by numbers of tickets'
        WHEN coalesce(_ticket ->> 'kind', '') = '' THEN 'a ticket needs a kind, such as command'
        WHEN jsonb_typeof(_ticket -> 'payload') <> 'object' THEN 'the payload must be an object'
        WHEN _ticket ->> 'kind' IN ('agent_cli', 'claude')
            AND NOT coalesce(_ticket -> 'payload' @? 'strict $.check[0]', false)
            AND NOT coalesce(_ticket -> 'payload' @? 'strict $.checks[0]', false)
            THEN 'an agent needs a check, or its own word would decide; add for example "check": ["./test"] to the payload'
        WHEN coalesce(_ticket ->> 'queue', 'default') !~ '^[A-Za-z0-9_.-]{1,63}$'
            THEN 'the queue must be a name of 1 to 63 letters, digits, ''_'', ''-'' and ''.'''
        WHEN (_ticket ->> 'priority')::numeric NOT BETWEEN 0 AND 1000 THEN 'the priority must lie between 0 and 1000'
        WHEN (_ticket ->> 'attempts')::numeric NOT BETWEEN 1 AND 100 THEN 'attempts must lie between 1 and 100'
        WHEN coalesce(_ticket ->> 'on_failure', 'block') NOT IN ('block', 'cancel', 'ignore')
            THEN 'on_failure must be block, cancel or ignore'
        WHEN coalesce(_ticket ->> 'on_conflict', 'return') NOT IN ('return', 'replace', 'reject')
            THEN 'on_conflict must be return, replace or reject' END);
    IF _problem IS NOT NULL THEN
        RAISE EXCEPTION '%', _problem USING ERRCODE = 'SW002';
    END IF;
EXCEPTION
    WHEN data_exception THEN
        RAISE EXCEPTION 'this can''t be a ticket: %', SQLERRM USING ERRCODE = 'SW002';
END $$;
