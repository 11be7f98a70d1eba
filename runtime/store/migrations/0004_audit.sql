-- The log as the only thing that is needed: whole tickets in it, who did it, daily partitions, a hash chain over it.

-- Large payloads, once each.
CREATE TABLE swarm.blobs (
    hash bytea PRIMARY KEY, -- SHA-256 of the body
    body jsonb NOT NULL
);
ALTER TABLE swarm.tickets ALTER payload DROP NOT NULL,
    ADD payload_hash bytea, -- of a payload that is a blob
    ADD CONSTRAINT one_payload CHECK ((payload IS NULL) <> (payload_hash IS NULL));

-- A partition per day, so that history goes by dropping tables. Events of a day without one land in the default
-- partition; the pruner makes partitions ahead of time.
ALTER TABLE swarm.ticket_events RENAME TO ticket_events_before;
ALTER INDEX swarm.ticket_events_by_ticket RENAME TO ticket_events_before_by_ticket;
ALTER INDEX swarm.ticket_events_by_id RENAME TO ticket_events_before_by_id;
CREATE SEQUENCE swarm.event_ids AS bigint CACHE 1;
CREATE TABLE swarm.ticket_events (
    id        bigint           NOT NULL DEFAULT nextval('swarm.event_ids'),
    ticket_id bigint           NOT NULL,
    at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    kind      swarm.event_kind NOT NULL,
    attempt   smallint,
    fence     bigint,
    node_id   bigint,
    actor     text             NOT NULL DEFAULT coalesce(nullif(current_setting('swarm.actor', true), ''), session_user),
    xid       xid8             NOT NULL DEFAULT pg_current_xact_id(), -- tail by xid, not by id: ids commit out of order
    data      jsonb
) PARTITION BY RANGE (at);
CREATE INDEX ticket_events_by_ticket ON swarm.ticket_events (ticket_id);
CREATE INDEX ticket_events_by_id ON swarm.ticket_events USING brin (id);
CREATE TABLE swarm.ticket_events_default PARTITION OF swarm.ticket_events DEFAULT;
INSERT INTO swarm.ticket_events (id, ticket_id, at, kind, attempt, fence, node_id, actor, xid, data)
SELECT id, ticket_id, at, kind, attempt, fence, node_id, 'before 0004', xid, data FROM swarm.ticket_events_before;
SELECT setval('swarm.event_ids', coalesce((SELECT max(id) FROM swarm.ticket_events), 0) + 1, false);
DROP TABLE swarm.ticket_events_before;
CREATE TRIGGER ticket_events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON swarm.ticket_events
    FOR EACH STATEMENT EXECUTE FUNCTION swarm.refuse_change();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON swarm.ticket_events_default
    FOR EACH STATEMENT EXECUTE FUNCTION swarm.refuse_change(); -- the parent's is for statements on the parent alone

-- The chain. Each seal covers some events, in the order of (xid, id), and the seal before it.
CREATE TABLE swarm.seals (
    id            bigint      PRIMARY KEY,
    hash          bytea       NOT NULL, -- SHA-256 of the hash before and the digest of each event
    event_ids     bigint[]    NOT NULL,
    marks         bytea       NOT NULL, -- the first 8 bytes of each digest: they tell which event is the bad one
    last_xid      xid8        NOT NULL, -- of the last event: everything that isn't sealed comes after it
    last_id       bigint      NOT NULL,
    snapshot_xmax xid8        NOT NULL, -- transactions from here on began later than this seal ...
    sequence_at   bigint      NOT NULL, -- ... and their events have greater numbers than this
    first_at      timestamptz NOT NULL, -- of its oldest event
    last_at       timestamptz NOT NULL, -- of its newest
    sealed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER seals_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON swarm.seals
    FOR EACH STATEMENT EXECUTE FUNCTION swarm.refuse_change();

-- How far history has been removed: what began before is incomplete, and the chain doesn't vouch for it any more.
CREATE TABLE swarm.pruning (
    only_row      boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    events_before timestamptz NOT NULL DEFAULT '-infinity', -- partitions up to here are gone
    last_ticket   bigint      NOT NULL DEFAULT 0,           -- tickets up to here were looked at
    whole_after   bigint      NOT NULL DEFAULT 0            -- tickets up to here are older than a log of whole tickets
);
INSERT INTO swarm.pruning (whole_after) SELECT coalesce(max(id), 0) FROM swarm.tickets;

-- The public face, with all that is known of a ticket.
CREATE VIEW swarm.tickets_view AS
SELECT t.id, t.graph_id, t.key, q.name AS queue, t.kind, t.priority, t.attempts, t.attempts_max, t.infra_retries,
       t.check_retries, t.deferrals, t.reclaims, t.timeout_ms, t.queue_timeout_ms, t.start_timeout_ms,
       t.progress_timeout_ms, t.deadline_at,
       coalesce(t.payload, (SELECT b.body FROM swarm.blobs b WHERE b.hash = t.payload_hash)) AS payload, t.created_at, t.finished_at, t.spawned_by, t.depth,
       t.group_key, t.unique_key,
       CASE WHEN t.final_state IS NOT NULL THEN t.final_state::text
            WHEN l.ticket_id IS NOT NULL THEN 'in_progress'
            WHEN r.ticket_id IS NOT NULL THEN 'ready'
            WHEN s.ticket_id IS NOT NULL THEN 'scheduled'
            WHEN b.ticket_id IS NOT NULL THEN 'blocked'
       END AS state,
       b.remaining, coalesce(s.run_at, t.run_at) AS run_at, r.queued_at, r.expires_at, l.fence, n.name AS claimed_by,
       l.claimed_at, l.started_at, l.progress, l.progress_at, l.last_heartbeat, l.heartbeat_count,
       l.deadline_at AS attempt_deadline_at, l.cancel_requested_at
FROM swarm.tickets t
JOIN swarm.queues q ON q.id = t.queue_id
LEFT JOIN swarm.leases l ON l.ticket_id = t.id
LEFT JOIN swarm.nodes n ON n.id = l.node_id
LEFT JOIN swarm.ready r ON r.ticket_id = t.id
LEFT JOIN swarm.scheduled s ON s.ticket_id = t.id
LEFT JOIN swarm.blocked b ON b.ticket_id = t.id;
