-- The token of a claim: greater than every token before it, never given out twice. The timeline of the write-ahead log
-- stands in the high bits, because a replica that was promoted may have lost the newest values of a plain sequence.
CREATE OR REPLACE FUNCTION swarm.next_fence() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint << 40)
           + nextval('swarm.fence_counter');
$$;

CREATE OR REPLACE FUNCTION swarm.milliseconds(_ms bigint) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT make_interval(secs => _ms / 1000.0);
$$;
