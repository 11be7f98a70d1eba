-- For whoever acts on behalf of a ticket: raises SW003 unless this fence still holds it. Called in the transaction that
-- does the work, it also keeps the claim from being taken away before that transaction ends.
CREATE OR REPLACE FUNCTION swarm.assert_current(_ticket_id bigint, _fence bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM swarm.leases WHERE ticket_id = _ticket_id AND fence = _fence FOR KEY SHARE; -- beats go on
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fence % does not hold ticket % any more', _fence, _ticket_id USING ERRCODE = 'SW003';
    END IF;
END $$;
