-- $1 tickets bigint[]. Of those that exist, whether each is final.
SELECT id, final_state IS NOT NULL FROM swarm.tickets WHERE id = ANY ($1);
