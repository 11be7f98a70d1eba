-- Takes a running ticket away from its worker and queues it again, without counting anything: for an operator who knows
-- that the worker is gone. Whatever the worker says later is lost. Answers the event that was written ('released', or
-- 'cancelled' if that was asked for), 'not_found', or the state that doesn't allow it.
CREATE OR REPLACE FUNCTION swarm.release(_ticket_id bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _lease swarm.leases;
    _event text;
BEGIN
    SELECT * INTO _lease FROM swarm.leases WHERE ticket_id = _ticket_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN coalesce((SELECT state FROM swarm.tickets_view WHERE id = _ticket_id), 'not_found');
    END IF;
    SELECT s.event INTO _event FROM swarm.settle(
        ARRAY[_ticket_id], ARRAY[_lease.fence], '{released}', '{""}', '{0}', '{"taken away by an operator"}',
        ARRAY[NULL::integer], ARRAY[''::bytea], '{0}', '{}', '{}', '{}', '{}', false) s;
    RETURN _event;
END $$;
