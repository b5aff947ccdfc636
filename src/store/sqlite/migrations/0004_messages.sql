-- What is counted of each number's messages. `state` is JSON.
CREATE TABLE traffic (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id)
);

-- Conversations that are open. `conversation` is a keyed hash: who the customer is cannot be told from it.
CREATE TABLE conversations (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    conversation TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id, conversation)
) WITHOUT ROWID;

-- The window of messages and statuses already counted.
CREATE TABLE message_keys (
    number INTEGER NOT NULL PRIMARY KEY,
    delivery_key TEXT NOT NULL
);
