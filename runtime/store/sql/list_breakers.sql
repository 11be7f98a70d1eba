-- Every breaker that counts or is open, who tries, and how many tickets wait behind it.
SELECT route, credential, state, failures, opened_at::text, until::text, reason, probe, waiting FROM swarm.breakers_now();
