-- Changes that receivers of notifications have not accepted yet, as they were reported; `number` is their order of
-- commits, which differs from the order of observations in the journal. The names are those at the time of the change.
CREATE TABLE notify_queue (
    number INTEGER NOT NULL PRIMARY KEY,
    recorded_ms BIGINT NOT NULL,
    waba_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    attribute TEXT NOT NULL,
    order_ms BIGINT NOT NULL,
    source TEXT NOT NULL,
    from_value TEXT,
    to_value TEXT NOT NULL,
    account_name TEXT,
    name TEXT,
    display_phone_number TEXT,
    language TEXT
);

-- The last change that each receiver accepted, or that was dropped for it.
CREATE TABLE notify_receivers (
    receiver TEXT NOT NULL PRIMARY KEY,
    settled BIGINT NOT NULL
);
