-- What a queue needs: limits, fairness, ageing, pause; unique keys; schedules.

ALTER TABLE swarm.queues
    ADD slots          integer CONSTRAINT slots_are_positive CHECK (slots > 0),                   -- at once, everywhere
    ADD slots_per_node integer CONSTRAINT slots_per_node_are_positive CHECK (slots_per_node > 0), -- at once on one node
    ADD slots_per_key  integer CONSTRAINT slots_per_key_are_positive CHECK (slots_per_key > 0),   -- of one group key
    ADD ageing_ms      bigint  CONSTRAINT ageing_is_positive CHECK (ageing_ms > 0), -- of waiting make up for a priority
    ADD is_fair        boolean NOT NULL DEFAULT false, -- group keys take turns
    ADD paused_at      timestamptz,
    ADD paused_by      text,
    ADD pause_reason   text,
    ADD CONSTRAINT paused_by_somebody CHECK ((paused_at IS NULL) = (paused_by IS NULL)),
    ADD CONSTRAINT fair_or_ageing CHECK (NOT is_fair OR ageing_ms IS NULL);

ALTER TABLE swarm.tickets
    ADD group_key  text, -- whose ticket it is: a customer, a repository; for fairness and slots_per_key
    ADD unique_key text; -- among all tickets that are not final

-- `rank` is what the queue is sorted by. The priority, where nothing else is asked for; with ageing, the moment at which
-- a ticket of priority 0 would have had to be queued to stand beside it; in a fair queue, its turn within its priority.
ALTER TABLE swarm.ready DROP CONSTRAINT ready_pkey;
ALTER TABLE swarm.ready ADD rank bigint, ADD group_key text;
UPDATE swarm.ready SET rank = priority;
ALTER TABLE swarm.ready ALTER rank SET NOT NULL, ADD PRIMARY KEY (queue_id, rank, seq); -- claim
ALTER TABLE swarm.ready DROP priority;
ALTER TABLE swarm.leases DROP priority;
ALTER TABLE swarm.scheduled DROP priority, DROP queue_id;
ALTER TABLE swarm.blocked DROP priority, DROP queue_id;

-- How far the turns of a group have come in a fair queue; '' is the queue itself.
CREATE TABLE swarm.turns (
    queue_id  integer NOT NULL,
    group_key text    NOT NULL,
    turn      bigint  NOT NULL,
    PRIMARY KEY (queue_id, group_key)
) WITH (fillfactor = 50);

-- The concurrency limits. A slot belongs to the claim whose ticket and fence it names, as long as that claim has its
-- lease: nobody gives slots back, and none can be lost.
CREATE TABLE swarm.slots (
    queue_id  integer NOT NULL,
    scope     text    NOT NULL, -- '' for the queue, 'node:<number>', 'key:<group key>'
    number    integer NOT NULL,
    ticket_id bigint,
    fence     bigint,
    PRIMARY KEY (queue_id, scope, number)
) WITH (fillfactor = 50);

-- Held by a ticket until it is final; then whoever comes next takes it over.
CREATE TABLE swarm.unique_keys (
    key       text   PRIMARY KEY,
    ticket_id bigint NOT NULL
);

CREATE TABLE swarm.schedules (
    id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL CONSTRAINT schedule_name_once UNIQUE,
    cron       text        NOT NULL,
    time_zone  text        NOT NULL,
    ticket     jsonb       NOT NULL, -- what is submitted, as swarm.enqueue takes it
    next_at    timestamptz,          -- NULL: never again, or paused
    paused_at  timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX schedules_by_time ON swarm.schedules (next_at) WHERE next_at IS NOT NULL; -- promote

-- One ticket per schedule and moment, whoever fires it and however often.
CREATE TABLE swarm.firings (
    schedule_id integer     NOT NULL,
    fire_at     timestamptz NOT NULL,
    ticket_id   bigint      NOT NULL,
    PRIMARY KEY (schedule_id, fire_at)
);

ALTER TABLE swarm.nodes ADD queues text[] NOT NULL DEFAULT '{}'; -- that it serves: `why` names a queue that nobody does
