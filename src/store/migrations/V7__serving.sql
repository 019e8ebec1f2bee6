-- What `beckon serve` remembers of its own life.

-- One row a minute for as long as it lives: a gap between two rows is time in which nothing ran by
-- itself. The id gives the order, because a clock that is set back makes `at` go back, too. Old rows
-- are deleted.
CREATE TABLE heartbeats (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
);

-- What the site's contact has to know. One row for each kind of trouble and what it is about: a
-- second raise of the same is no second alert, and trouble that comes back opens the row again.
CREATE TABLE alerts (
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,        -- what it is about: a channel, a schedule, a run, a file
    words       TEXT    NOT NULL,        -- what a person reads; the last ones
    raised_at   INTEGER NOT NULL,        -- when this spell of it began
    resolved_at INTEGER,                 -- NULL while it lasts
    -- When the contact was last written to about it. It stays when the trouble ends, so that trouble
    -- which comes and goes is not told more than once a day.
    told_at     INTEGER,
    PRIMARY KEY (kind, subject)
) WITHOUT ROWID;

-- Which moments have ended since somebody last looked.
CREATE INDEX moments_by_end ON moments (ended_at) WHERE ended_at IS NOT NULL;
