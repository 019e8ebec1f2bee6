-- The journal becomes a chain: each row's hash covers the row and the hash before it, so that a row
-- that was changed, put in, moved or taken out is found by looking (`beckon doctor`). How the bytes
-- are laid out stands in store/journal/chain.rs.
--
-- Personal data can go without breaking the chain. The hash covers a row's words and person only by
-- their seal, a hash salted with 16 random bytes. While the row is whole, salt, user_id and words are
-- there and the seal follows from them. Erasing leaves the seal and takes these three: without the
-- salt nobody finds out by trying what was sealed. `erased_by` is the row (kind 'erased') that ordered
-- it and says of how many rows, so that erasing leaves its own trace in the chain.
--
-- AUTOINCREMENT: sqlite_sequence remembers the newest id, which is how rows missing at the end are
-- found. Ids have no gaps: a transaction that is rolled back takes its ids back, too.
DROP TRIGGER journal_is_never_changed;
DROP INDEX journal_of_user;
DROP INDEX journal_of_run;
-- Its rows are chained and moved by store/journal/chain.rs (SHA-256 is not SQL's), which drops it.
ALTER TABLE journal RENAME TO journal_unchained;

CREATE TABLE journal (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    run_id      INTEGER,
    user_id     INTEGER,
    delivery_id INTEGER,
    words       TEXT    NOT NULL,        -- '' once erased
    salt        BLOB,
    hash        BLOB    NOT NULL,
    seal        BLOB,                    -- of an erased row
    erased_by   INTEGER,
    CHECK (salt IS NOT NULL OR (seal IS NOT NULL AND erased_by IS NOT NULL AND user_id IS NULL AND words = ''))
);
CREATE INDEX journal_of_user ON journal (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX journal_of_run ON journal (run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX journal_of_delivery ON journal (delivery_id, id) WHERE delivery_id IS NOT NULL AND user_id IS NULL;

CREATE TRIGGER journal_is_never_cut BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Erasing is the one change that there is.
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
WHEN (OLD.salt IS NOT NULL AND OLD.kind <> 'erased' AND NEW.salt IS NULL AND NEW.seal IS NOT NULL
    AND NEW.erased_by > OLD.id AND NEW.id = OLD.id AND NEW.at IS OLD.at AND NEW.kind IS OLD.kind
    AND NEW.run_id IS OLD.run_id AND NEW.delivery_id IS OLD.delivery_id AND NEW.hash IS OLD.hash) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- A store with a million deliveries tells how far it is without reading them all.
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX invitations_of_run ON invitations (run_id);
