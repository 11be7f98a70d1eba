-- Whether any ticket is on its way. Unlike a count it costs the same however many there are.
SELECT EXISTS (SELECT FROM swarm.ready) OR EXISTS (SELECT FROM swarm.leases)
    OR EXISTS (SELECT FROM swarm.scheduled) OR EXISTS (SELECT FROM swarm.blocked)
    OR EXISTS (SELECT FROM swarm.reviews);
