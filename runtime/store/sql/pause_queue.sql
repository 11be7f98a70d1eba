-- $1 queue text, $2 reason text or NULL, $3 by whom text. Returns whether there is such a queue.
SELECT swarm.pause_queue($1, $2, $3);
