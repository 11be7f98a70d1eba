-- Cancels a ticket. One that waits is cancelled at once; a running one gets a request that its node learns of with the
-- next heartbeat (or at once, by notification). Answers 'done', 'requested', 'not_found', or the final state that
-- doesn't allow it.
CREATE OR REPLACE FUNCTION swarm.cancel(_ticket_id bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _state swarm.final_state;
BEGIN
    LOOP
        UPDATE swarm.leases SET cancel_requested_at = clock_timestamp()
        WHERE ticket_id = _ticket_id AND cancel_requested_at IS NULL;
        IF FOUND THEN
            INSERT INTO swarm.ticket_events (ticket_id, kind) VALUES (_ticket_id, 'cancel_requested');
            RETURN 'requested';
        ELSIF EXISTS (SELECT FROM swarm.leases WHERE ticket_id = _ticket_id) THEN
            RETURN 'requested'; -- by somebody else, before
        END IF;

        BEGIN
            IF cardinality(swarm.end_waiting(ARRAY[_ticket_id], 'cancelled', NULL)) > 0 THEN
                RETURN 'done';
            END IF;
            SELECT final_state INTO _state FROM swarm.tickets WHERE id = _ticket_id;
            IF NOT FOUND THEN
                RETURN 'not_found';
            ELSIF _state IS NOT NULL THEN
                RETURN _state;
            END IF;
            -- A claim took it while we looked: now it has a lease. Leases are locked before tickets, so the ticket's
            -- lock must be given back first, or a settlement that holds the lease and we would wait for each other.
            RAISE EXCEPTION 'ticket % has moved on', _ticket_id USING ERRCODE = 'SW001';
        EXCEPTION WHEN SQLSTATE 'SW001' THEN
            NULL;
        END;
    END LOOP;
END $$;
