-- Where the database's counters stand: transactions committed, and the position in the write-ahead log in bytes.
SELECT d.xact_commit, (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint
FROM pg_stat_database d
WHERE d.datname = current_database();
