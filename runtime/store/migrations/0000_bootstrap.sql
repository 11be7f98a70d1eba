-- What the migrations themselves stand on. Runs first, under the migration lock, while no migration is applied; alone
-- among the migrations it must be repeatable.

CREATE SCHEMA IF NOT EXISTS swarm;

CREATE TABLE IF NOT EXISTS swarm.migrations (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL, -- SHA-256 of the file
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The functions of functions/*.sql are replaced as one set whenever their text changes.
CREATE TABLE IF NOT EXISTS swarm.function_set (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
