-- What is asked of each person again when a message leaves for them, beside the group that it was for: JSON of
-- `condition`, as the selection had it, and `groups`, the names of the groups in it by their ids. By name, because
-- a row's id may be given to another group once a group is gone; a name that no group has any more has no members.
-- NULL: nothing beside the group. It goes with the message's data.
ALTER TABLE messages ADD COLUMN grounds TEXT;
