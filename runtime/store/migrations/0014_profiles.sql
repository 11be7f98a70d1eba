-- What an attempt failed of, in a form in which two failures can be compared, and how far a ticket has come on the ladder of
-- profiles that its payload offers.

ALTER TABLE swarm.attempts ADD signature text; -- a hash of the normalised failure; NULL: it didn't fail of its content

-- Without an index, as all that changes with an attempt.
ALTER TABLE swarm.tickets
    ADD signature text,                      -- of the last attempt that was used up
    ADD profile smallint NOT NULL DEFAULT 0; -- the place in the payload's list of profiles; 0: the payload itself
