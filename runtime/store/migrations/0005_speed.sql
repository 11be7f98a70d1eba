-- What costs more than it is worth, and what is missing where logs are long or a schedule fails.

-- Submissions make a graph in the same transaction as its tickets, and `prune` removes it after the last of them. A check
-- per ticket would cost more than the row that it protects.
ALTER TABLE swarm.tickets DROP CONSTRAINT tickets_graph_id_fkey;
DELETE FROM swarm.graphs g WHERE NOT EXISTS (SELECT FROM swarm.tickets t WHERE t.graph_id = g.id);

CREATE INDEX seals_by_place ON swarm.seals (last_xid, last_id); -- events_after

-- Pages that aren't summed up yet are read by everybody who looks for a number.
DROP INDEX swarm.ticket_events_by_id;
CREATE INDEX ticket_events_by_id ON swarm.ticket_events USING brin (id) WITH (autosummarize = on, pages_per_range = 16);

-- Why the last moment of a schedule brought no ticket; NULL when it did.
ALTER TABLE swarm.schedules ADD last_failure text;
