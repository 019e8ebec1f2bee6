-- Schedules and their due moments. What a schedule is stands in site.toml; here is what has become of it.

CREATE TABLE schedules (
    name        TEXT PRIMARY KEY,
    -- Expression, zone and rules. Where it differs from site.toml's, the schedule counts from now on: the
    -- past of another expression is not its past.
    fingerprint TEXT    NOT NULL,
    -- Every due moment until then has its row in `moments`. Only ever grows.
    accounted   INTEGER NOT NULL,
    paused_at   INTEGER,
    paused_by   TEXT,
    -- Since when it is no longer in site.toml; once it is there again, it counts from then on.
    gone_at     INTEGER
) WITHOUT ROWID;

-- One row for each due moment. Its key is what makes a moment fire once: who inserts the row has it.
CREATE TABLE moments (
    schedule   TEXT    NOT NULL,
    at         INTEGER NOT NULL,        -- when it was due
    -- 'claimed' is being run, or about to be; everything else is an end.
    state      TEXT    NOT NULL
        CHECK (state = 'claimed' OR state = 'ran' OR state = 'skipped' OR state = 'missed' OR state = 'failed' OR state = 'held'),
    -- Who runs it. The run's effects and the end of the claim are one transaction that asks for this owner.
    owner      TEXT,
    -- Until then nobody else takes it; the owner of a live claim renews it.
    lease      INTEGER,
    tries      INTEGER NOT NULL DEFAULT 1,
    run_id     INTEGER REFERENCES runs (id),
    words      TEXT    NOT NULL DEFAULT '', -- why it was skipped, missed or late
    started_at INTEGER,
    ended_at   INTEGER,
    -- After a very long outage the oldest moments share a row: so many, the last of them due at `until`.
    number     INTEGER NOT NULL DEFAULT 1,
    until      INTEGER,
    PRIMARY KEY (schedule, at)
) WITHOUT ROWID;
-- Few at any time: what goes on, and whose lease ends first.
CREATE INDEX moments_claimed ON moments (schedule, lease) WHERE state = 'claimed';
