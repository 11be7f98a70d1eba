-- $1 word text. Rings the doorbell of every node. Always a transaction of its own after the commit it tells of: NOTIFY
-- holds a lock of the whole database until its transaction is on disk.
SELECT pg_notify('swarm', $1);
