-- $1 name text, $2 cron text, $3 ticket text (JSON), $4 time zone text. Returns when it fires first.
SELECT swarm.schedule($1, $2, $3::text::jsonb, $4)::text;
