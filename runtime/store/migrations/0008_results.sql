-- What an attempt leaves behind besides its output.

ALTER TABLE swarm.attempts
    ADD details jsonb CONSTRAINT details_are_an_object CHECK (jsonb_typeof(details) = 'object'); -- result, notes, usage
