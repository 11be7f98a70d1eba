-- Payloads from this size on are kept once each, by their hash, and neither in the ticket nor in its events.
DROP FUNCTION IF EXISTS swarm.is_blob;
CREATE FUNCTION swarm.is_blob(_payload text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT octet_length(_payload) > 8192;
$$;

-- Stores payloads and holds them, so that the pruner can't take one away before the caller's ticket names it. Others may
-- hold the same ones meanwhile.
DROP FUNCTION IF EXISTS swarm.keep_blobs;
CREATE FUNCTION swarm.keep_blobs(_payloads text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _hashes bytea[] := ARRAY(SELECT DISTINCT sha256(convert_to(p, 'UTF8')) FROM unnest(_payloads) AS p);
    _held   integer;
BEGIN
    WHILE cardinality(_hashes) > 0 LOOP
        INSERT INTO swarm.blobs (hash, body)
        SELECT DISTINCT ON (1) sha256(convert_to(p, 'UTF8')), p::jsonb FROM unnest(_payloads) AS p ORDER BY 1
        ON CONFLICT DO NOTHING;
        PERFORM FROM swarm.blobs WHERE hash = ANY (_hashes) ORDER BY hash FOR KEY SHARE;
        GET DIAGNOSTICS _held = ROW_COUNT;
        EXIT WHEN _held = cardinality(_hashes); -- or the pruner was just taking one away
    END LOOP;
END $$;
