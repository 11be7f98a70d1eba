-- Tickets and everything that holds them. A ticket's live state is WHICH TABLE HOLDS IT: blocked, scheduled, ready or
-- leases; a ticket in none of them is final and says so in tickets.final_state. Moving is one statement, so the state
-- can't be stored wrongly twice.
--
-- Lock order in every transaction: leases by ticket, tickets by id, blocked by ticket. A cascade never touches the
-- rows of its children in `tickets`: it would deadlock with the row locks of submit and retry.

CREATE TYPE swarm.final_state AS ENUM ('completed', 'failed', 'cancelled');

CREATE TYPE swarm.event_kind AS ENUM (
    'submitted', 'claimed', 'completed', 'attempt_failed', 'failed', 'released', 'reclaimed',
    'cancel_requested', 'cancelled', 'unblocked', 'promoted', 'retried', 'repaired');

CREATE TABLE swarm.queues (
    id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL CONSTRAINT queue_name_once UNIQUE
                           CONSTRAINT queue_name_is_plain CHECK (name ~ '^[A-Za-z0-9_.-]{1,63}$'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO swarm.queues (name) VALUES ('default');

-- One row per start of a node. `home_id` is the same for successive nodes of one home directory, of which only one can
-- live at a time (the home's lock): its predecessors are dead without waiting for a heartbeat.
CREATE TABLE swarm.nodes (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    home_id      uuid        NOT NULL,
    name         text        NOT NULL,
    host         text        NOT NULL,
    pid          integer     NOT NULL,
    version      text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_at   timestamptz
) WITH (fillfactor = 50);
CREATE INDEX nodes_by_home ON swarm.nodes (home_id); -- register_node: the predecessors of a home

CREATE TABLE swarm.graphs (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE SEQUENCE swarm.ticket_ids AS bigint;

-- What a ticket is, its limits and counters, and how it ended. Written at submission, when an attempt that changes a
-- counter ends, and at the end; no index on anything that changes, so that every update stays HOT. A fillfactor of 90
-- would not do: a batch touches whole pages in one transaction, and nothing on them can be pruned before its end.
CREATE TABLE swarm.tickets (
    id            bigint      PRIMARY KEY,
    graph_id      bigint      REFERENCES swarm.graphs,
    key           text,                   -- the ticket's name in its graph
    queue_id      integer     NOT NULL,   -- without REFERENCES: submit takes it from queues, and a check per row costs
                                          -- more than the row
    kind          text        NOT NULL,   -- the executor
    priority      smallint    NOT NULL,   -- lower first
    attempts_max  smallint    NOT NULL,
    timeout_ms    bigint      NOT NULL,   -- of one attempt; 0: none
    payload       jsonb       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts      smallint    NOT NULL DEFAULT 0, -- that ended and counted
    infra_retries smallint    NOT NULL DEFAULT 0, -- that ended by no fault of the ticket
    check_retries smallint    NOT NULL DEFAULT 0, -- whose check couldn't run
    reclaims      smallint    NOT NULL DEFAULT 0, -- that lost their worker
    final_state   swarm.final_state,
    finished_at   timestamptz,
    CONSTRAINT finished_iff_final CHECK ((final_state IS NULL) = (finished_at IS NULL)),
    CONSTRAINT key_iff_graph CHECK ((key IS NULL) = (graph_id IS NULL)),
    CONSTRAINT limits_are_positive CHECK (attempts_max > 0 AND timeout_ms >= 0)
) WITH (fillfactor = 50);
CREATE INDEX tickets_by_graph ON swarm.tickets (graph_id) WHERE graph_id IS NOT NULL; -- graph_progress, list_tickets

-- The queue. A claim DELETES from it and every queueing takes a new seq, so the table stays small whatever the history.
CREATE TABLE swarm.ready (
    queue_id  integer  NOT NULL,
    priority  smallint NOT NULL,
    seq       bigint   GENERATED ALWAYS AS IDENTITY,
    ticket_id bigint   NOT NULL CONSTRAINT ready_once UNIQUE, -- also for cancel and the view
    PRIMARY KEY (queue_id, priority, seq)                     -- claim
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE swarm.scheduled (
    ticket_id bigint      PRIMARY KEY,
    run_at    timestamptz NOT NULL,
    queue_id  integer     NOT NULL,
    priority  smallint    NOT NULL
);
CREATE INDEX scheduled_by_time ON swarm.scheduled (run_at); -- promote

-- `remaining` counts the parents that are not completed. It lives here and not in `tickets`: see the lock order above.
CREATE TABLE swarm.blocked (
    ticket_id bigint   PRIMARY KEY,
    remaining integer  NOT NULL CONSTRAINT blocked_by_something CHECK (remaining > 0),
    queue_id  integer  NOT NULL,
    priority  smallint NOT NULL
) WITH (fillfactor = 70);

-- THE LOCK. One row per running ticket; no index but the key, so that a heartbeat is a HOT update.
CREATE TABLE swarm.leases (
    ticket_id           bigint      PRIMARY KEY,
    fence               bigint      NOT NULL,
    node_id             bigint      NOT NULL,
    attempt             smallint    NOT NULL,
    queue_id            integer     NOT NULL,
    priority            smallint    NOT NULL,
    claimed_at          timestamptz NOT NULL,
    last_heartbeat      timestamptz NOT NULL,
    heartbeat_count     integer     NOT NULL DEFAULT 0,
    deadline_at         timestamptz,
    cancel_requested_at timestamptz
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE swarm.dependencies (
    parent_id bigint NOT NULL,
    child_id  bigint NOT NULL,
    PRIMARY KEY (parent_id, child_id), -- settle: the children of what completed
    CONSTRAINT not_its_own_parent CHECK (parent_id <> child_id)
);
CREATE INDEX dependencies_by_child ON swarm.dependencies (child_id, parent_id); -- cascade, retry, show_ticket

-- How each attempt ended, where there is more to tell than its event does.
CREATE TABLE swarm.attempts (
    ticket_id    bigint      NOT NULL,
    fence        bigint      NOT NULL,
    attempt      smallint    NOT NULL,
    node_id      bigint      NOT NULL,
    class        text        NOT NULL,
    evidence     text        NOT NULL, -- one sentence
    exit_code    integer,
    output       bytea       NOT NULL, -- bounded: head and tail of what the command wrote
    output_bytes bigint      NOT NULL, -- all it wrote
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (ticket_id, fence)
);

-- One row per transition, written by the statement that makes it. `fence` is set only when the holder of a claim wrote
-- it: settle tells a repeated call ("again") from a lost lease by finding its own fence here.
CREATE TABLE swarm.ticket_events (
    id        bigint           GENERATED ALWAYS AS IDENTITY,
    ticket_id bigint           NOT NULL,
    at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    kind      swarm.event_kind NOT NULL,
    attempt   smallint,
    fence     bigint,
    node_id   bigint,
    xid       xid8             NOT NULL DEFAULT pg_current_xact_id(), -- tail by xid, not by id: ids commit out of order
    data      jsonb
);
CREATE INDEX ticket_events_by_ticket ON swarm.ticket_events (ticket_id);
CREATE INDEX ticket_events_by_id ON swarm.ticket_events USING brin (id);

CREATE FUNCTION swarm.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'swarm.% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ticket_events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON swarm.ticket_events
    FOR EACH STATEMENT EXECUTE FUNCTION swarm.refuse_change();

CREATE SEQUENCE swarm.fence_counter AS bigint;

-- The public face: one word for the state of every ticket.
CREATE VIEW swarm.tickets_view AS
SELECT t.id, t.graph_id, t.key, q.name AS queue, t.kind, t.priority, t.attempts, t.attempts_max, t.infra_retries,
       t.check_retries, t.reclaims, t.timeout_ms, t.payload, t.created_at, t.finished_at,
       CASE WHEN t.final_state IS NOT NULL THEN t.final_state::text
            WHEN l.ticket_id IS NOT NULL THEN 'in_progress'
            WHEN r.ticket_id IS NOT NULL THEN 'ready'
            WHEN s.ticket_id IS NOT NULL THEN 'scheduled'
            WHEN b.ticket_id IS NOT NULL THEN 'blocked'
       END AS state,
       b.remaining, s.run_at, l.fence, n.name AS claimed_by, l.claimed_at, l.last_heartbeat, l.heartbeat_count,
       l.deadline_at, l.cancel_requested_at
FROM swarm.tickets t
JOIN swarm.queues q ON q.id = t.queue_id
LEFT JOIN swarm.leases l ON l.ticket_id = t.id
LEFT JOIN swarm.nodes n ON n.id = l.node_id
LEFT JOIN swarm.ready r ON r.ticket_id = t.id
LEFT JOIN swarm.scheduled s ON s.ticket_id = t.id
LEFT JOIN swarm.blocked b ON b.ticket_id = t.id;
