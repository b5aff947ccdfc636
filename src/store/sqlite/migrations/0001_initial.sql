-- Everything that has to outlive the process. Plain SQL but for `WITHOUT ROWID`, which saves SQLite a
-- second tree, so that another database can have the same tables.

-- How many commits there have been: tells, after a commit of unknown outcome, whether it happened.
-- `scratch` is what a store in trouble writes to find out whether there is room again.
CREATE TABLE commits (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number BIGINT NOT NULL,
    scratch TEXT
);
INSERT INTO commits (only_row, number) VALUES (1, 0);

-- What is known of each account, without its numbers and templates. `state` is JSON.
CREATE TABLE accounts (
    waba_id TEXT NOT NULL PRIMARY KEY,
    saved_ms BIGINT NOT NULL,
    state TEXT NOT NULL
);

CREATE TABLE phone_numbers (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id)
);

CREATE TABLE templates (
    waba_id TEXT NOT NULL,
    template_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, template_id)
);

-- The window of webhook changes already applied, so that Meta's repeats are harmless.
CREATE TABLE delivery_keys (
    number INTEGER NOT NULL PRIMARY KEY,
    delivery_key TEXT NOT NULL
);

-- The journal. `order_ms` is the place among all observations; a webhook's is the end of its second.
CREATE TABLE transitions (
    waba_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    attribute TEXT NOT NULL,
    order_ms BIGINT NOT NULL,
    source TEXT NOT NULL,
    from_value TEXT,
    to_value TEXT NOT NULL,
    PRIMARY KEY (waba_id, entity, entity_id, attribute, order_ms, source, to_value)
) WITHOUT ROWID;
CREATE INDEX transitions_by_time ON transitions (order_ms);
