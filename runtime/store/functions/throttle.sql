-- A service has said "not now" to an attempt that sits it out: nobody else asks it before that is over, although the attempt
-- ends later. _news is what hear takes. Nothing is counted. Answers whether it was heard: not from whoever has lost the claim.
DROP FUNCTION IF EXISTS swarm.throttle;
CREATE FUNCTION swarm.throttle(_ticket_id bigint, _fence bigint, _news text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM swarm.leases WHERE ticket_id = _ticket_id AND fence = _fence) THEN
        RETURN false;
    END IF;
    PERFORM swarm.charge(ARRAY[_ticket_id], swarm.name_nodes(ARRAY[_ticket_id], ARRAY[_fence], ARRAY[_news::jsonb]), false);
    RETURN true;
END $$;
