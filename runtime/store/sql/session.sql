-- $1 statement timeout text (ms), $2 lock timeout text (ms), $3 idle-in-transaction timeout text (ms), $4 who writes
-- the events of this session text, $5 role to work as text; left alone where there is none or we aren't a member.
-- What every session of the engine runs under. A worker that is stopped inside a transaction must lose its row locks,
-- or no reaper would ever see the ticket. Generic plans without scans and hashes: small calls cost a third, and a plan
-- made while a table was empty can't turn against us when it is full; and what can't do without a scan must not be
-- compiled for it, which takes longer than the scan. Each statement must see what was committed before
-- it began, and a claim that was answered must survive a crash, whatever the database's own defaults are.
SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', $3, false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                                        ELSE current_setting('synchronous_commit') END, false),
       set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
       set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false),
       set_config('max_parallel_workers_per_gather', '0', false),
       set_config('timezone', 'UTC', false), set_config('client_min_messages', 'warning', false),
       set_config('swarm.actor', $4, false),
       (SELECT set_config('role', rolname, false) FROM pg_roles
        WHERE rolname = $5 AND pg_has_role(session_user, oid, 'MEMBER'));
