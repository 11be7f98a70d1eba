-- The checksum of the functions that the database holds; no row before the first migration.
SELECT checksum FROM swarm.function_set;
