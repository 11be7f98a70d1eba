-- $1 ticket bigint, $2 silence of a node that is dead bigint (ms). Why it is where it is, a sentence per row; no row for
-- a ticket that doesn't exist.
SELECT swarm.why($1, $2);
