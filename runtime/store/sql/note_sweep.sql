-- $1 gap after bigint (ms). Notes that a reaper could look.
SELECT swarm.note_sweep($1);
