-- $1 word text. Rings the doorbell of every node. Always a transaction of its own after the commit it tells of: NOTIFY
-- holds a lock of the whole database until its transaction has ended. It isn't waited for until it is on disk either: a
-- doorbell that a crash swallows is missed like any other.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('swarm', $1);
