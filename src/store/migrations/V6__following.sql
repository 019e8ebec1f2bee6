-- What follows an acceptance, and what comes back by mail. Instants are milliseconds since 1970.

-- Licences of apps and books for enrolled people. One row for each person and asset: the same wish twice
-- is one licence. Keyed by asset first, because one request to Apple is about one asset.
CREATE TABLE licences (
    adam_id     TEXT    NOT NULL REFERENCES apps (adam_id) ON DELETE CASCADE,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- 'wanted': Apple has not been asked. 'asking': the request is on its way, or its answer was lost, so
    -- Apple's list is read before it is asked again. 'asked': Apple took it as an event. 'waiting': there was
    -- no licence left. 'held': the person has it. 'failed': Apple refuses it for good.
    state       TEXT    NOT NULL DEFAULT 'wanted' CHECK (state = 'wanted' OR state = 'asking' OR state = 'asked'
                                OR state = 'waiting' OR state = 'held' OR state = 'failed'),
    enrolled_at INTEGER NOT NULL,        -- first come, first served
    asked_at    INTEGER,
    event_id    TEXT,
    due         INTEGER,                 -- when to look or ask again; NULL: when there is a licence, or never
    words       TEXT,                    -- why it waits or failed, for a person
    PRIMARY KEY (adam_id, user_id)
) WITHOUT ROWID;
CREATE INDEX licences_of_user ON licences (user_id, adam_id);
CREATE INDEX licences_in_turn ON licences (adam_id, enrolled_at, user_id) WHERE state = 'wanted' OR state = 'waiting';
CREATE INDEX licences_in_flight ON licences (adam_id, event_id) WHERE state = 'asking' OR state = 'asked';
CREATE INDEX licences_failed ON licences (user_id) WHERE state = 'failed';
CREATE INDEX licences_due ON licences (due) WHERE due IS NOT NULL;

-- Apple's notifications that were taken, for as long as Apple may repeat them.
CREATE TABLE notifications_seen (
    id TEXT    PRIMARY KEY,              -- Apple's notificationId
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX notifications_by_age ON notifications_seen (at);

-- What delivery reports said of our mail: one row for each delivery and statement, so that a report that is
-- read twice is told once.
CREATE TABLE bounces (
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    action      TEXT    NOT NULL,        -- RFC 3464 2.3.3: failed, delayed, ...
    status      TEXT    NOT NULL,        -- RFC 3463: 5.1.1
    at          INTEGER NOT NULL,
    words       TEXT    NOT NULL,
    PRIMARY KEY (delivery_id, action, status)
) WITHOUT ROWID;

-- Mail that came where delivery reports are expected and was not believed, counted by the reason.
CREATE TABLE bounces_ignored (
    why     TEXT    PRIMARY KEY,
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A report names our Message-ID.
CREATE INDEX deliveries_by_message ON deliveries (far_id) WHERE channel = 'mail';
