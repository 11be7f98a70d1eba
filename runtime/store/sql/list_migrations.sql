-- What has been applied, oldest first.
SELECT version, name, checksum FROM swarm.migrations ORDER BY version;
