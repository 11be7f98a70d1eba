-- What each program of a queue's command tickets may use at most, as in the member `limits` of their payloads.
ALTER TABLE swarm.queues ADD command_limits jsonb;
