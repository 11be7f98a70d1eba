-- Bounds for what a submission may bring. A value that the protocol can't compute with, or an index can't hold, stops
-- everybody who meets it later: claims, promotions, settlements of others.

UPDATE swarm.tickets
SET timeout_ms = least(timeout_ms, 315360000000), queue_timeout_ms = least(queue_timeout_ms, 315360000000),
    start_timeout_ms = least(start_timeout_ms, 315360000000),
    progress_timeout_ms = least(progress_timeout_ms, 315360000000)
WHERE greatest(timeout_ms, queue_timeout_ms, start_timeout_ms, progress_timeout_ms) > 315360000000;
UPDATE swarm.tickets SET run_at = NULL WHERE run_at < '1970-01-01 00:00Z';
UPDATE swarm.tickets SET run_at = least(run_at, '2500-01-01 00:00Z'), deadline_at = least(deadline_at, '2500-01-01 00:00Z')
WHERE greatest(run_at, deadline_at) > '2500-01-01 00:00Z';
UPDATE swarm.scheduled SET run_at = least(run_at, '2500-01-01 00:00Z') WHERE run_at > '2500-01-01 00:00Z';
UPDATE swarm.tickets SET group_key = left(group_key, 50) WHERE octet_length(group_key) > 200;

ALTER TABLE swarm.tickets
    ADD CONSTRAINT clocks_are_bounded CHECK ( -- ten years
        greatest(timeout_ms, queue_timeout_ms, start_timeout_ms, progress_timeout_ms) <= 315360000000),
    ADD CONSTRAINT moments_are_real CHECK (
        run_at BETWEEN '1970-01-01 00:00Z' AND '2500-01-01 00:00Z'
        AND deadline_at BETWEEN '1970-01-01 00:00Z' AND '2500-01-01 00:00Z'),
    ADD CONSTRAINT group_key_is_short CHECK (octet_length(group_key) <= 200);
ALTER TABLE swarm.unique_keys ADD CONSTRAINT unique_key_is_short CHECK (octet_length(key) <= 200) NOT VALID;

-- Additions of edges between existing tickets come one after another: each changes this row. A transaction whose snapshot
-- is older than somebody else's addition fails with 40001 instead of closing a cycle that it can't see.
CREATE TABLE swarm.edge_changes (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    changes  bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO swarm.edge_changes DEFAULT VALUES;

-- Replaced by functions/actor.sql, which says who may speak for somebody else.
CREATE FUNCTION swarm.actor() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN session_user; END $$;
ALTER TABLE swarm.ticket_events ALTER actor SET DEFAULT swarm.actor();
