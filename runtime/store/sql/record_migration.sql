-- $1 version integer, $2 name text, $3 checksum text.
INSERT INTO swarm.migrations (version, name, checksum) VALUES ($1, $2, $3);
