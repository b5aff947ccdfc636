-- The customers of each phone number, as a log of segments: one for each commit that changed any of them. The last entry
-- of a customer counts. An entry is a byte for its kind (1 is a conversation, 2 a recipient), the customer's keyed hash
-- (16 bytes), the length of its state (4 bytes, big-endian), and its state as JSON. An empty state removes the customer.
-- `entries` is their number.
CREATE TABLE customer_segments (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    segment BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id, segment)
) WITHOUT ROWID;
INSERT INTO customer_segments (waba_id, phone_number_id, segment, entries, content)
SELECT waba_id, phone_number_id, row_number() OVER (PARTITION BY waba_id, phone_number_id), 1,
    unhex(kind || customer || printf('%08x', octet_length(state)) || hex(state))
FROM (
    SELECT waba_id, phone_number_id, '01' AS kind, conversation AS customer, state FROM conversations
    UNION ALL
    SELECT waba_id, phone_number_id, '02' AS kind, recipient AS customer, state FROM recipients
);
DROP TABLE conversations;
DROP TABLE recipients;
