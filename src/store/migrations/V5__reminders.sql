-- Reminders that keep rules, and the contact budget.

-- What the deliveries of one intent share, beside the text. `policy` is the reminder policy as JSON where it has
-- rules that hold when a reminder leaves. `audience` is the name of the group that the intent was for, with
-- `group_id` its row: a name without a row is a group that is gone.
ALTER TABLE messages ADD COLUMN policy TEXT;
ALTER TABLE messages ADD COLUMN audience TEXT;
ALTER TABLE messages ADD COLUMN group_id INTEGER REFERENCES groups (id) ON DELETE SET NULL;
-- For whoever deletes a group.
CREATE INDEX messages_of_group ON messages (group_id) WHERE group_id IS NOT NULL;

-- When a delivery was handed over last: a person's contact, unless the far side certainly did not take it.
ALTER TABLE deliveries ADD COLUMN handed_at INTEGER;
-- Since when a delivery that a rule of the site puts off could have left: who waits longest keeps the place.
ALTER TABLE deliveries ADD COLUMN waits_since INTEGER;
UPDATE deliveries SET handed_at = COALESCE(ended_at, first_try) WHERE state IN ('sending', 'queued', 'notnow', 'accepted', 'doubtful');

-- What one person got lately, and what waits for them: each one range of a few rows.
CREATE INDEX deliveries_handed ON deliveries (user_id, handed_at) WHERE user_id IS NOT NULL AND handed_at IS NOT NULL;
CREATE INDEX deliveries_put_off ON deliveries (user_id, waits_since) WHERE user_id IS NOT NULL AND waits_since IS NOT NULL;
