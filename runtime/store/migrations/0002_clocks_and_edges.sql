-- The clocks of a ticket beyond that of one attempt, the counter of what only puts it off, what a dependent does when
-- its parent doesn't complete, and the work list of the cascade.

ALTER TYPE swarm.event_kind ADD VALUE 'snoozed';
ALTER TYPE swarm.event_kind ADD VALUE 'blocked'; -- waits for one more parent
ALTER TYPE swarm.event_kind ADD VALUE 'replaced'; -- another payload, for the sake of its unique key

-- Made anew at the end, by the newest migration.
DROP VIEW swarm.tickets_view;

ALTER TABLE swarm.tickets
    ADD run_at              timestamptz,                 -- not before; NULL: at once
    ADD queue_timeout_ms    bigint   NOT NULL DEFAULT 0, -- of one wait in `ready`; 0: none, as for the next two
    ADD start_timeout_ms    bigint   NOT NULL DEFAULT 0, -- from the claim to the first sign of work
    ADD progress_timeout_ms bigint   NOT NULL DEFAULT 0, -- between two signs of progress
    ADD deadline_at         timestamptz,                 -- of the whole ticket
    ADD deferrals           smallint NOT NULL DEFAULT 0, -- attempts that a limit, a credential or a budget put off
    ADD spawned_by          bigint,                      -- the ticket whose attempt submitted it
    ADD depth               smallint NOT NULL DEFAULT 0, -- of that chain
    ADD CONSTRAINT clocks_are_positive
        CHECK (queue_timeout_ms >= 0 AND start_timeout_ms >= 0 AND progress_timeout_ms >= 0);
CREATE INDEX tickets_by_spawner ON swarm.tickets (spawned_by) WHERE spawned_by IS NOT NULL; -- spawn: the fan-out

ALTER TABLE swarm.ready
    ADD queued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD expires_at timestamptz;
CREATE INDEX ready_by_expiry ON swarm.ready (expires_at) WHERE expires_at IS NOT NULL; -- expire_waiting

ALTER TABLE swarm.leases
    ADD started_at          timestamptz, -- the first sign of work
    ADD progress            bigint NOT NULL DEFAULT 0,
    ADD progress_at         timestamptz, -- when it last grew
    ADD start_timeout_ms    bigint NOT NULL DEFAULT 0,
    ADD progress_timeout_ms bigint NOT NULL DEFAULT 0,
    ADD deadline_clock      text;        -- which clock deadline_at belongs to: attempt or deadline

-- Tickets with a deadline; a row goes when its moment has come, whatever became of the ticket.
CREATE TABLE swarm.deadlines (
    ticket_id bigint      PRIMARY KEY,
    at        timestamptz NOT NULL
);
CREATE INDEX deadlines_by_time ON swarm.deadlines (at); -- expire_waiting

ALTER TABLE swarm.attempts ADD clock text; -- which clock ended it, if one did

-- Since when leases may be judged. Reapers note here that they could look; after a gap nobody knows whether the holders
-- or the database were away, and every lease counts as renewed at its end.
CREATE TABLE swarm.reaping (
    only_row      boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    last_sweep_at timestamptz,
    extended_at   timestamptz
);
INSERT INTO swarm.reaping DEFAULT VALUES;

CREATE TYPE swarm.edge_policy AS ENUM (
    'block',   -- the dependent waits, until the parent is retried and completes
    'cancel',  -- the dependent is cancelled
    'ignore'); -- the dependent goes on without it

-- `counted`: the dependent's counter includes this parent. Not so for a parent that was done before the edge existed,
-- and for one whose failure was ignored.
ALTER TABLE swarm.dependencies
    ADD on_failure swarm.edge_policy NOT NULL DEFAULT 'block',
    ADD counted    boolean           NOT NULL DEFAULT true;

-- What the end of a ticket still means for its dependents: more of them than one transaction should touch, or an end
-- that isn't a completion. Written in the transaction that ended it; taken down slice by slice by `propagate`.
CREATE TABLE swarm.cascade_work (
    id          bigint            GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id   bigint            NOT NULL,
    ending      swarm.final_state NOT NULL,
    after_child bigint            NOT NULL DEFAULT 0, -- dependents up to this one are done
    queued_at   timestamptz       NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cascade_work_by_parent ON swarm.cascade_work (parent_id); -- open_parents
