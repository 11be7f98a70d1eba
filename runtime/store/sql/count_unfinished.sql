-- How many tickets are on their way, by the tables that hold them.
SELECT (SELECT count(*) FROM swarm.ready) + (SELECT count(*) FROM swarm.leases)
     + (SELECT count(*) FROM swarm.scheduled) + (SELECT count(*) FROM swarm.blocked)
     + (SELECT count(*) FROM swarm.reviews);
