-- Why a ticket failed that could do nothing for it, so that all of these can be found and revived; and since when it has
-- met nothing but trouble that isn't its own.

ALTER TABLE swarm.tickets
    ADD infra_since timestamptz, -- the first of its `transient` ends in a row
    ADD end_reason  text,        -- of a failure: infra_exhausted
    ADD CONSTRAINT reason_of_a_failure CHECK (end_reason IS NULL OR final_state IS NOT DISTINCT FROM 'failed');
CREATE INDEX tickets_by_end_reason ON swarm.tickets (end_reason, id) WHERE end_reason IS NOT NULL; -- list_exhausted
