-- $1 queue text. Returns whether there is such a queue.
SELECT swarm.resume_queue($1);
