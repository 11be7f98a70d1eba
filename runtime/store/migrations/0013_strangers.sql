-- Deadlines of tickets that were pruned stood before all others, and nothing removed them.
DELETE FROM swarm.deadlines d WHERE NOT EXISTS (SELECT FROM swarm.tickets t WHERE t.id = d.ticket_id);

-- When a node couldn't renew a lease, because somebody's open transaction had it in hand.
ALTER TABLE swarm.nodes ADD held_up_at timestamptz;
