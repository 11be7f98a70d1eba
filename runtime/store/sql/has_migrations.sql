-- Whether any swarm has ever migrated this database.
SELECT to_regclass('swarm.migrations') IS NOT NULL;
