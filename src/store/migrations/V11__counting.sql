-- Counting everything. SQLite counts a whole table by its smallest index without looking at the rows; what is out of
-- sight is few or none and is taken off. For users `users_hidden` is there already.
CREATE INDEX devices_gone ON devices (id) WHERE gone_at IS NOT NULL;
