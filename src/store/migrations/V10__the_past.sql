-- The roster as it was. A row that changes or goes leaves the version that it had; a new row writes nothing but
-- its `since`, so that a first import costs what it did. All instants are milliseconds since 1970.

-- The changes of the roster: an import, a sync, a run or an MDM report that changed something. Numbered, because
-- a number is smaller than an instant in every row, and because a clock may be set back: `at` never decreases.
-- The first one is when the history begins: what was before it nobody knows.
CREATE TABLE roster_changes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
);
CREATE INDEX roster_changes_by_time ON roster_changes (at);

-- The change that made the row what it is; 0: before the history begins.
ALTER TABLE users ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_users ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_groups ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- What a row was from the change `since` until the change `until`, keyed by the row first: the past is asked for
-- row by row. A user's name and their name at Apple never change and stand in `users` alone; the state of the
-- invitation has a table of its own.
CREATE TABLE past_users (
    id              INTEGER NOT NULL REFERENCES users (id),
    until           INTEGER NOT NULL,
    since           INTEGER NOT NULL,
    full_name       TEXT    NOT NULL,
    mail            TEXT,
    language        TEXT,
    timezone        TEXT,
    department      TEXT,
    title           TEXT,
    enabled         INTEGER NOT NULL,
    managed_account TEXT,
    attributes      TEXT    NOT NULL,
    distribution    INTEGER NOT NULL,
    hidden          INTEGER NOT NULL,
    PRIMARY KEY (id, until)
) WITHOUT ROWID;

-- A group that is gone may have left its number to another one: no two of them have it at one time.
CREATE TABLE past_groups (
    id           INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    since        INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    distribution INTEGER NOT NULL,
    PRIMARY KEY (id, until)
) WITHOUT ROWID;

CREATE TABLE past_group_users (
    group_id INTEGER NOT NULL,
    user_id  INTEGER NOT NULL REFERENCES users (id),
    until    INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id, until)
) WITHOUT ROWID;
CREATE INDEX past_groups_of_user ON past_group_users (user_id, group_id);

CREATE TABLE past_group_groups (
    parent_id INTEGER NOT NULL,
    child_id  INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (parent_id, child_id, until)
) WITHOUT ROWID;
CREATE INDEX past_parents_of_group ON past_group_groups (child_id, parent_id);

-- When a device was last heard from changes all the time and makes no version.
CREATE TABLE past_devices (
    id           INTEGER NOT NULL REFERENCES devices (id),
    until        INTEGER NOT NULL,
    since        INTEGER NOT NULL,
    udid         TEXT,
    name         TEXT    NOT NULL,
    platform     TEXT    NOT NULL,
    os_version   TEXT,
    model        TEXT,
    user_id      INTEGER REFERENCES users (id),
    managed      INTEGER NOT NULL,
    enrollment   TEXT    NOT NULL,
    user_channel TEXT,
    gone_at      INTEGER,
    PRIMARY KEY (id, until)
) WITHOUT ROWID;
CREATE INDEX past_devices_of_user ON past_devices (user_id) WHERE user_id IS NOT NULL;

-- The state of an invitation tells its own past by its instants, until something takes these away: a retired
-- record, letters that all came back. Then they are kept here, with the instant at which they went and the status
-- that the user `became`.
CREATE TABLE past_standings (
    user_id     INTEGER NOT NULL REFERENCES users (id),
    until       INTEGER NOT NULL,        -- an instant
    invited_at  INTEGER,
    enrolled_at INTEGER,
    reminders   INTEGER NOT NULL,
    became      TEXT    NOT NULL,
    PRIMARY KEY (user_id, until)
) WITHOUT ROWID;
-- Of those who are retired now, or are invited anew one day, it is known that they were.
INSERT INTO past_standings (user_id, until, reminders, became) SELECT id, 0, 0, 'retired' FROM users WHERE status = 'retired';
