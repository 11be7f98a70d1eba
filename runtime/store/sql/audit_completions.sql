-- What became of all tickets: how many there are, how many are completed, how many of all have another number of
-- `completed` events than their state demands (one, or none), and how many events there are.
SELECT count(*) AS tickets,
       count(*) FILTER (WHERE t.final_state = 'completed') AS completed,
       count(*) FILTER (WHERE h.completed <> (t.final_state IS NOT DISTINCT FROM 'completed')::integer)
           AS contradictions,
       coalesce(sum(h.events), 0)::bigint AS events
FROM swarm.tickets t
CROSS JOIN LATERAL (SELECT count(*) AS events, count(*) FILTER (WHERE e.kind = 'completed') AS completed
                    FROM swarm.ticket_events e WHERE e.ticket_id = t.id) h;
