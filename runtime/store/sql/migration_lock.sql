-- One migration at a time in a database, whoever starts it; released with the transaction. Without it, five nodes that
-- start together fail in a third of all starts, IF NOT EXISTS or not.
SELECT pg_advisory_xact_lock(7383251905436192);
