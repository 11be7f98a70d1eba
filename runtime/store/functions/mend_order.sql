-- Gives tickets the ranks of the order that their queue has now, where a transaction that was open when it changed has
-- brought them with others. In three looks: after the change is committed, when all that ran then is over, and again while
-- somebody has one of these tickets in hand.
DROP FUNCTION IF EXISTS swarm.mend_order;
CREATE FUNCTION swarm.mend_order() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _at    swarm.queues;
    _turns bigint; -- no ticket of a fair queue has a later one
    _wrong tid[];
    _moved bigint;
BEGIN
    FOR _at IN SELECT * FROM swarm.queues q WHERE q.reordered IS NOT NULL ORDER BY q.id FOR NO KEY UPDATE SKIP LOCKED LOOP
        IF _at.reordered = '0' THEN
            UPDATE swarm.queues SET reordered = pg_snapshot_xmax(pg_current_snapshot()) WHERE id = _at.id;
        ELSIF pg_snapshot_xmin(pg_current_snapshot()) >= _at.reordered THEN
            _turns := coalesce((SELECT max(u.turn) FROM swarm.turns u WHERE u.queue_id = _at.id), 0)
                      + (SELECT count(*) FROM swarm.ready r WHERE r.queue_id = _at.id);
            _wrong := ARRAY(SELECT r.ctid FROM swarm.ready r JOIN swarm.tickets t ON t.id = r.ticket_id
                            WHERE r.queue_id = _at.id
                              AND CASE WHEN _at.is_fair
                                       THEN r.rank >> 40 <> t.priority OR r.rank & ((1::bigint << 40) - 1) > _turns
                                       ELSE r.rank <> swarm.rank_of(_at, t.priority, r.queued_at) END);
            WITH held AS (
                SELECT r.ctid AS place FROM swarm.ready r WHERE r.ctid = ANY (_wrong) FOR UPDATE SKIP LOCKED
            )
            UPDATE swarm.ready r SET rank = swarm.rank_of(_at, t.priority, r.queued_at)
            FROM held h, swarm.tickets t WHERE r.ctid = h.place AND t.id = r.ticket_id;
            GET DIAGNOSTICS _moved = ROW_COUNT;
            IF _moved = cardinality(_wrong) THEN
                UPDATE swarm.queues SET reordered = NULL WHERE id = _at.id;
            END IF;
        END IF;
    END LOOP;
END $$;
