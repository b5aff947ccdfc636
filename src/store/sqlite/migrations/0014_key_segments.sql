-- The windows of changes already applied, as segments: the keys of one commit in one row, 16 bytes each, one after
-- another. `newest` is the number of the last of them; each key has the number of its predecessor plus one.
CREATE TABLE delivery_key_segments (
    newest INTEGER NOT NULL PRIMARY KEY,
    keys BLOB NOT NULL
);
INSERT INTO delivery_key_segments (newest, keys)
SELECT MAX(number), unhex(group_concat(delivery_key, '' ORDER BY number)) FROM delivery_keys GROUP BY number / 256;
DROP TABLE delivery_keys;

CREATE TABLE message_key_segments (
    newest INTEGER NOT NULL PRIMARY KEY,
    keys BLOB NOT NULL
);
INSERT INTO message_key_segments (newest, keys)
SELECT MAX(number), unhex(group_concat(delivery_key, '' ORDER BY number)) FROM message_keys GROUP BY number / 256;
DROP TABLE message_keys;
