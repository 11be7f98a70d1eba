-- Attempts that wait for an answer from outside, without a worker.

ALTER TYPE swarm.event_kind ADD VALUE 'waiting';

-- What an attempt waits for that was begun and isn't over: whoever claims the ticket next goes on with it. The ticket itself
-- stands in `scheduled` until somebody shall look again, in `ready`, or in `leases` while somebody looks.
CREATE TABLE swarm.waits (
    ticket_id    bigint      PRIMARY KEY,
    fence        bigint      NOT NULL, -- of the claim that began it
    attempt      smallint    NOT NULL,
    node_id      bigint      NOT NULL,
    began_at     timestamptz NOT NULL, -- the attempt
    since        timestamptz NOT NULL, -- when it first had to wait
    ends_at      timestamptz,          -- when the attempt's clock runs out; NULL: never
    looks        integer     NOT NULL DEFAULT 0, -- how often somebody has looked and had to go on waiting
    reason       text        NOT NULL, -- what it waits for, in a sentence
    continuation jsonb       NOT NULL  -- what its executor needs to go on
) WITH (fillfactor = 50);
CREATE INDEX waits_by_end ON swarm.waits (ends_at) WHERE ends_at IS NOT NULL; -- expire_attempts
