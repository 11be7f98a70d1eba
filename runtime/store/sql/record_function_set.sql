-- $1 checksum text.
INSERT INTO swarm.function_set (checksum) VALUES ($1)
ON CONFLICT (only_row) DO UPDATE SET checksum = excluded.checksum, applied_at = clock_timestamp();
