-- What stands between a ticket and the service outside that its work needs, for all nodes together: breakers and limits.

ALTER TYPE swarm.event_kind ADD VALUE 'breaker_opened';
ALTER TYPE swarm.event_kind ADD VALUE 'breaker_half_opened'; -- lets one ticket through
ALTER TYPE swarm.event_kind ADD VALUE 'breaker_closed';

-- The service, see functions/route_of.sql; NULL for work that is done here, and for tickets that are older than this.
ALTER TABLE swarm.tickets ADD route text;
ALTER TABLE swarm.ready ADD route text;
CREATE INDEX ready_by_route ON swarm.ready (queue_id, route, rank, seq) WHERE route IS NOT NULL; -- find_gates, pass_gates

-- A row while failures are counted, or until what was shut works again: none for what works.
CREATE TABLE swarm.breakers (
    id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    route        text        NOT NULL, -- of tickets, or the first word of it: all of that kind
    credential   text        NOT NULL, -- for claimers who work with it: a short hash; 'node:<number>'; '' for all
    state        text        NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures     integer     NOT NULL DEFAULT 0, -- in a row
    trips        integer     NOT NULL DEFAULT 0, -- how often it has opened in that row
    opened_at    timestamptz,
    until        timestamptz,          -- then one ticket may try
    reason       text,                 -- what was said last
    ticket_id    bigint      NOT NULL, -- by the attempt of which ticket
    probe_ticket bigint,               -- the claim that tries; it has ended when that claim has no lease
    probe_fence  bigint,
    CONSTRAINT breaker_once UNIQUE (route, credential),
    CONSTRAINT open_until CHECK ((state = 'closed') = (until IS NULL))
) WITH (fillfactor = 50);

-- Token buckets, refilled all the time, a minute's worth at most. NULL: not limited.
CREATE TABLE swarm.limits (
    id              integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    route           text        NOT NULL, -- as in breakers; or with '*' at its end: all that begin so
    credential      text        NOT NULL,
    requests        integer     CHECK (requests > 0),      -- a minute
    input_tokens    bigint      CHECK (input_tokens > 0),  -- a minute
    output_tokens   bigint      CHECK (output_tokens > 0), -- a minute
    concurrent      integer     CHECK (concurrent > 0),    -- attempts at once
    at              timestamptz NOT NULL DEFAULT clock_timestamp(), -- when there was as much left as the next three say
    requests_left   double precision NOT NULL DEFAULT 0,
    input_left      double precision NOT NULL DEFAULT 0,
    output_left     double precision NOT NULL DEFAULT 0,
    input_mean      double precision, -- of an attempt; NULL: none has said
    output_mean     double precision,
    throttled_until timestamptz, -- nobody may ask before
    throttled_at    timestamptz,
    ceiling         double precision, -- attempts at once since it was throttled: grows with what goes well
    CONSTRAINT limit_once UNIQUE (route, credential)
) WITH (fillfactor = 50);

ALTER TABLE swarm.leases ADD limit_ids integer[]; -- the limits that its claim passed
-- Both of its columns stay as they are while a lease lives, so that a heartbeat is still a HOT update.
CREATE INDEX leases_with_limits ON swarm.leases (ticket_id) WHERE limit_ids IS NOT NULL; -- count_running

-- The breakers and limits that a claim meets in its queue, and the routes that wait behind them.
CREATE TYPE swarm.gates AS (
    patterns text[],    -- what each covers ...
    allowed  integer[], -- ... and how many tickets may pass it now
    covered  text[],    -- routes of waiting tickets that aren't free
    passing  text[]     -- those of them that may pass
);
