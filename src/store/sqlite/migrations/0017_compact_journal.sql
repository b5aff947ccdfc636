-- The journal in integers: a line takes a fifth of the space of one in text. `transitions` has the lines; the other
-- tables have each id and each name once. When the exporter opens the store, it moves the lines of
-- `older_transitions`, which an older version has written, into these tables.
ALTER TABLE transitions RENAME TO older_transitions;

CREATE TABLE journal_accounts (
    account INTEGER NOT NULL PRIMARY KEY,
    waba_id TEXT NOT NULL UNIQUE
);

-- `kind` is 0 for a template, 1 for a phone number and 2 for an account: SQLite stores 0 and 1 in no bytes. `id` is an
-- integer, or a text if it is not a number of 64 bits.
CREATE TABLE journal_entities (
    entity INTEGER NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    id NOT NULL,
    UNIQUE (account, kind, id)
);

CREATE TABLE journal_attributes (
    attribute INTEGER NOT NULL PRIMARY KEY,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (entity, name)
);

-- Values that are words of Meta.
CREATE TABLE journal_words (
    word INTEGER NOT NULL PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- `order_ms` is the place among all observations; a webhook's is the end of its second. A value is the integer of a
-- word, or a text.
CREATE TABLE transitions (
    entity BIGINT NOT NULL,
    attribute BIGINT NOT NULL,
    order_ms BIGINT NOT NULL,
    is_webhook BIGINT NOT NULL,
    to_value NOT NULL,
    from_value,
    PRIMARY KEY (entity, attribute, order_ms, is_webhook, to_value)
) WITHOUT ROWID;
CREATE INDEX journal_by_time ON transitions (order_ms);
