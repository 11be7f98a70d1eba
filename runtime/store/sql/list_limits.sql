-- Every limit that is in force, what is left of it, when the next ticket may pass, and how many wait.
SELECT route, credential, requests, requests_left, input_tokens, input_left, output_tokens, output_left, concurrent, running,
       next_at::text, is_throttled, waiting
FROM swarm.limits_now();
