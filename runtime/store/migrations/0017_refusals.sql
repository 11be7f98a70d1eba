-- What services have refused as wrong during the last minutes: the same words to several tickets are no fault of theirs.

CREATE TABLE swarm.refusals (
    route   text          NOT NULL,
    words   text          NOT NULL, -- a hash of what was said
    tickets bigint[]      NOT NULL, -- whom, the newest last; no ticket twice
    at      timestamptz[] NOT NULL, -- when, a moment per ticket
    newest  timestamptz   NOT NULL,
    PRIMARY KEY (route, words)
) WITH (fillfactor = 50);
