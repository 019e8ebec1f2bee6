-- Limits that hold across runs, and plans that wait for a wave or for a person.

-- Whom each run invited, and when: caps that add up over runs count people here. By time first,
-- because the question is always who was invited since yesterday; what is older than two days is
-- dropped by the next commit.
CREATE TABLE invited_lately (
    at      INTEGER NOT NULL,
    run_id  INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (at, run_id, user_id)
) WITHOUT ROWID;

-- How many people a committed run reached, for comparing the next run of the same script with the
-- same parameters. A run that reached nobody has no row.
CREATE TABLE run_reach (
    run_id INTEGER PRIMARY KEY REFERENCES runs (id),
    people INTEGER NOT NULL
);
CREATE INDEX runs_of_script ON runs (script, params, id);

-- What of a run is kept unsent, one row a run: the rest behind a first wave ('wave'), or what is held
-- until a person decides ('held'). Each ends once: released by its wave, approved, rejected or expired.
CREATE TABLE kept_plans (
    run_id     INTEGER PRIMARY KEY REFERENCES runs (id),
    state      TEXT    NOT NULL CHECK (state = 'wave' OR state = 'held' OR state = 'released' OR state = 'approved'
                                       OR state = 'rejected' OR state = 'expired'),
    plan       TEXT,                     -- JSON: the intents; NULL once it has ended
    reasons    TEXT    NOT NULL,         -- JSON: the limits that it is held for
    people     INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,         -- that it would make at once
    kept_at    INTEGER NOT NULL,         -- what happened to people since is looked at before it leaves
    expires_at INTEGER,                  -- of what is held: it can't be approved from then on
    wait_ms    INTEGER NOT NULL,         -- limits.canary as it was when the run was committed
    failures   REAL    NOT NULL,
    ended_at   INTEGER,
    ended_by   TEXT                      -- the person who approved or rejected it
);
CREATE INDEX kept_plans_open ON kept_plans (run_id) WHERE state = 'wave' OR state = 'held';
