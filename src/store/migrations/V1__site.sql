-- All instants are milliseconds since 1970, universal time. Secrets are never stored: no content
-- token, no invite code, no invitation URL, no password.
--
-- CHECKs are chains of OR: for IN with more than two words SQLite builds a table of them for each row
-- that is inserted, which costs more than the row.

-- Single facts of the site: the unit's uId, the version of Apple's user list that we have seen, our
-- mdmInfo id, the roster's version (raised by every import and sync).
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    username        TEXT    NOT NULL,
    full_name       TEXT    NOT NULL,
    mail            TEXT,
    mail_folded     TEXT,               -- for finding two users with one mailbox
    language        TEXT,
    timezone        TEXT,
    department      TEXT,
    title           TEXT,
    enabled         INTEGER NOT NULL DEFAULT 1,
    managed_account TEXT,
    attributes      TEXT    NOT NULL DEFAULT '{}',
    distribution    INTEGER NOT NULL DEFAULT 0,
    client_user_id  TEXT    NOT NULL,    -- our name for the user at Apple; never changes
    source          TEXT    NOT NULL,
    -- A user who has gone from the source stays (disabled) while Apple still has an active record,
    -- so that a script can retire it; hidden once nothing is left to do.
    left_at         INTEGER,
    hidden          INTEGER NOT NULL DEFAULT 0,
    -- The state of the invitation, kept beside the user because selections ask for it all the time.
    status          TEXT    NOT NULL DEFAULT 'none' CHECK (status = 'none' OR status = 'invited' OR status = 'enrolled' OR status = 'retired'),
    invited_at      INTEGER,
    enrolled_at     INTEGER,
    reminders       INTEGER NOT NULL DEFAULT 0,
    last_contact    INTEGER,
    mail_dead       TEXT                 -- the server's words, once the address turned mail away for good
);
-- Uniqueness stands in indexes of its own, here and for devices, because those can be dropped and built
-- again: a first import of a hundred thousand rows is twice as fast for it.
CREATE UNIQUE INDEX users_by_username ON users (username);
CREATE UNIQUE INDEX users_by_client_user_id ON users (client_user_id);
CREATE INDEX users_by_mail ON users (mail_folded) WHERE mail_folded IS NOT NULL;
-- `hidden` stands in it so that counting everybody is answered without reading the table.
CREATE INDEX users_by_status ON users (status, hidden);
-- Few or none: lets a device's row ask cheaply whether its user is one that nobody sees any more.
CREATE INDEX users_hidden ON users (id) WHERE hidden = 1;

CREATE TABLE groups (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    distribution INTEGER NOT NULL DEFAULT 0,
    source       TEXT    NOT NULL
);

-- Both ways are asked for: the members of a group, and the groups of a user.
CREATE TABLE group_users (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source   TEXT    NOT NULL,
    PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX groups_of_user ON group_users (user_id, group_id);

-- child's members are parent's members too. A cycle may stand here; readers walk it once.
CREATE TABLE group_groups (
    parent_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    child_id  INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    source    TEXT    NOT NULL,
    PRIMARY KEY (parent_id, child_id)
) WITHOUT ROWID;
CREATE INDEX parents_of_group ON group_groups (child_id, parent_id);

CREATE TABLE devices (
    id           INTEGER PRIMARY KEY,
    serial       TEXT    NOT NULL,
    udid         TEXT,
    name         TEXT    NOT NULL,
    platform     TEXT    NOT NULL
        CHECK (platform = 'ios' OR platform = 'ipados' OR platform = 'macos' OR platform = 'tvos' OR platform = 'visionos' OR platform = 'watchos'),
    os_version   TEXT,
    model        TEXT,
    user_id      INTEGER REFERENCES users (id) ON DELETE SET NULL,
    managed      INTEGER NOT NULL DEFAULT 0,
    enrollment   TEXT    NOT NULL DEFAULT 'device'
        CHECK (enrollment = 'device' OR enrollment = 'user' OR enrollment = 'account-driven' OR enrollment = 'shared-ipad'),
    user_channel TEXT,
    last_seen    INTEGER,
    source       TEXT    NOT NULL,
    -- A device that has gone from the source stays, unassigned and out of sight, because deliveries
    -- name it; the same serial number makes it come back.
    gone_at      INTEGER
);
CREATE UNIQUE INDEX devices_by_serial ON devices (serial);
CREATE UNIQUE INDEX devices_by_udid ON devices (udid) WHERE udid IS NOT NULL;
CREATE INDEX devices_of_user ON devices (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX devices_by_name ON devices (name);

-- Push tokens of a site's own app. Whoever holds one can push; never printed.
CREATE TABLE app_tokens (
    device_id INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    topic     TEXT    NOT NULL,
    token     TEXT    NOT NULL,
    dead_at   INTEGER,
    source    TEXT    NOT NULL,
    PRIMARY KEY (device_id, topic)
) WITHOUT ROWID;

CREATE TABLE apps (
    adam_id   TEXT PRIMARY KEY,
    name      TEXT    NOT NULL,
    kind      TEXT    NOT NULL DEFAULT 'App',
    pricing   TEXT    NOT NULL DEFAULT 'STDQ',
    available INTEGER NOT NULL DEFAULT 0,
    assigned  INTEGER NOT NULL DEFAULT 0,
    total     INTEGER NOT NULL DEFAULT 0,
    source    TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE app_groups (
    adam_id  TEXT    NOT NULL REFERENCES apps (adam_id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    run_id   INTEGER,
    PRIMARY KEY (adam_id, group_id)
) WITHOUT ROWID;

-- One execution of a script that ended: with its effects, held for approval, or failed.
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    script      TEXT    NOT NULL,
    script_hash TEXT    NOT NULL,
    trigger     TEXT    NOT NULL,        -- 'runbook', 'repl', 'schedule', 'demo'
    actor       TEXT    NOT NULL,
    params      TEXT    NOT NULL,        -- JSON
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state = 'committed' OR state = 'held' OR state = 'failed'),
    summary     TEXT    NOT NULL,        -- the plan as it was shown, or the error
    output      TEXT    NOT NULL
);

-- Why each person of an audience was or wasn't invited, as decided then. Keyed by person first:
-- `beckon why` asks for one person over all runs.
CREATE TABLE decisions (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    run_id  INTEGER NOT NULL REFERENCES runs (id),
    intent  INTEGER NOT NULL,            -- the intent's number within the run
    chosen  INTEGER NOT NULL,
    reason  TEXT    NOT NULL,            -- one sentence's end
    PRIMARY KEY (user_id, run_id, intent)
) WITHOUT ROWID;

-- One user's invitation at one unit. A user has at most one open invitation in a unit.
CREATE TABLE invitations (
    id             INTEGER PRIMARY KEY,
    user_id        INTEGER NOT NULL REFERENCES users (id),
    run_id         INTEGER NOT NULL REFERENCES runs (id), -- the run that asked first
    -- What has to happen at Apple: 'register' a record to be invited, 'associate' a Managed Apple
    -- Account, 'retire' the record.
    task           TEXT    NOT NULL DEFAULT 'register' CHECK (task = 'register' OR task = 'associate' OR task = 'retire'),
    state          TEXT    NOT NULL,
    event_id       TEXT,                 -- Apple's event while 'registering'
    asked_at       INTEGER,
    tries          INTEGER NOT NULL DEFAULT 0,
    due            INTEGER,              -- when Apple is to be asked next; NULL: not to be asked
    queued_at      INTEGER NOT NULL,
    registered_at  INTEGER,
    delivered_at   INTEGER,
    ended_at       INTEGER,
    expires_at     INTEGER,
    words          TEXT                  -- why it failed, for a person
);
-- Written with OR, like every longer list that is looked at when a row is written: for IN with more
-- than two words SQLite makes a table each time, which costs more than the rest of a small update.
CREATE UNIQUE INDEX one_open_invitation ON invitations (user_id)
    WHERE state = 'queued' OR state = 'registering' OR state = 'registered' OR state = 'delivered' OR state = 'doubtful';
CREATE INDEX invitations_of_user ON invitations (user_id, id);
CREATE INDEX invitations_to_ask ON invitations (due) WHERE due IS NOT NULL;
CREATE INDEX invitations_to_expire ON invitations (expires_at)
    WHERE expires_at IS NOT NULL AND state IN ('queued', 'registering', 'registered', 'delivered', 'doubtful');

-- What several deliveries of one intent share: the template and its data, or the text.
CREATE TABLE messages (
    id       INTEGER PRIMARY KEY,
    run_id   INTEGER NOT NULL REFERENCES runs (id),
    template TEXT    NOT NULL,
    data     TEXT    NOT NULL            -- JSON
);

-- The outbox. `key` is derived from what is asked (invitation or message, person, step, device,
-- channel): the same ask twice is one delivery.
CREATE TABLE deliveries (
    id            INTEGER PRIMARY KEY,
    run_id        INTEGER NOT NULL REFERENCES runs (id),
    number        INTEGER NOT NULL,      -- within the run: people say 17.3
    key           TEXT    NOT NULL UNIQUE,
    invitation_id INTEGER REFERENCES invitations (id),
    message_id    INTEGER NOT NULL REFERENCES messages (id),
    user_id       INTEGER REFERENCES users (id),
    device_id     INTEGER REFERENCES devices (id),
    address       TEXT,                  -- of somebody who is not of the roster
    channel       TEXT    NOT NULL CHECK (channel = 'mdm' OR channel = 'mail' OR channel = 'push' OR channel = 'webhook'),
    step          TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    due           INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    first_try     INTEGER,
    attempts      INTEGER NOT NULL DEFAULT 0,
    ended_at      INTEGER,
    -- Ours, the same for every attempt: Message-ID, CommandUUID, apns-id or Idempotency-Key.
    far_id        TEXT    NOT NULL,
    words         TEXT                   -- the far side's last words, or why it was cancelled
);
CREATE INDEX deliveries_of_user ON deliveries (user_id, id) WHERE user_id IS NOT NULL;
-- A query has to say the same in the same words to be answered by it.
CREATE INDEX deliveries_failed ON deliveries (id) WHERE state = 'rejected' OR state = 'expired' OR state = 'doubtful';
CREATE INDEX deliveries_due ON deliveries (channel, due) WHERE state IN ('pending', 'deferred');
CREATE INDEX deliveries_sending ON deliveries (id) WHERE state = 'sending';
CREATE INDEX deliveries_of_invitation ON deliveries (invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX deliveries_of_run ON deliveries (run_id, number);
CREATE INDEX deliveries_by_command ON deliveries (far_id) WHERE channel = 'mdm';
CREATE INDEX deliveries_on_devices ON deliveries (device_id) WHERE state IN ('queued', 'notnow');

-- The append-only record of what happened, one row a fact. It never drives behaviour.
CREATE TABLE journal (
    id            INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    run_id        INTEGER,
    user_id       INTEGER,
    delivery_id   INTEGER,
    words         TEXT    NOT NULL
);
CREATE INDEX journal_of_user ON journal (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX journal_of_run ON journal (run_id, id) WHERE run_id IS NOT NULL;
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
