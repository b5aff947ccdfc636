-- The tables of a store that several replicas share. Each row belongs to the shard of its account, and only the replica
-- that owns the shard writes it.
--
-- Ids have the collation "C", so that the database orders them by their bytes as the exporter does, and so that an update
-- of the operating system's collations damages no index.
--
-- PostgreSQL writes a new version of a row at each update. Tables whose rows are updated all the time have space in their
-- pages (fillfactor), so that the new version stays in the page of the old one and no index changes (a HOT update), and
-- are vacuumed after few changes, so that old versions do not add up.

-- What all replicas agree on. `customer_key` is a check value of the key that customers are hashed with; the key itself
-- is never stored here. `clock_ms` is a time that Meta's clock had certainly reached. `discovered_version` counts the
-- changes of discovered accounts, and `relay_version` those of parked deliveries by commands. `copied_at` is when
-- `store copy` has filled the tables.
CREATE TABLE cluster (
    only_row smallint PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    shards smallint NOT NULL CHECK (shards = 64),
    discovered_version bigint NOT NULL DEFAULT 0,
    relay_version bigint NOT NULL DEFAULT 0,
    customer_key text,
    clock_ms bigint,
    copied_at timestamptz
);
INSERT INTO cluster (shards) VALUES (64);

-- The owner of each shard. Whoever acquires one increments `epoch`, and each of its commits checks it, with a lock of the
-- row. `released` says that its last owner gave it up by itself.
CREATE TABLE shards (
    shard smallint PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    owner text COLLATE "C",
    released boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
INSERT INTO shards (shard) SELECT generate_series(0, 63);

-- The replicas that run. Times are the database's. `beat` counts the heartbeats of a replica. A backend is told from a later
-- one with the same number by its start.
CREATE TABLE replicas (
    replica text COLLATE "C" PRIMARY KEY,
    backend_pid integer,
    backend_start timestamptz,
    address text,
    version text NOT NULL,
    config_hash text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    is_leaving boolean NOT NULL DEFAULT false,
    beat bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What is known of each account, without its numbers and templates. `state` is JSON, here and below. `shard` is the first
-- eight bytes of the SHA-256 hash of the id modulo 64, as the exporter computes it. `business_id` is the portfolio that
-- owns the account, if known: one replica exports a portfolio, and looks for its accounts here.
CREATE TABLE accounts (
    waba_id text COLLATE "C" PRIMARY KEY,
    state text NOT NULL,
    business_id text COLLATE "C",
    shard smallint NOT NULL GENERATED ALWAYS AS ((get_byte(sha256(waba_id::bytea), 7) & 63)::smallint) STORED
) WITH (fillfactor = 85);
CREATE INDEX accounts_by_shard ON accounts (shard);
CREATE INDEX accounts_by_portfolio ON accounts (business_id) WHERE business_id IS NOT NULL;

-- What each refresh changes: the times of an account's polls. Updated at each poll.
CREATE TABLE refreshes (
    waba_id text COLLATE "C" PRIMARY KEY,
    saved_ms bigint NOT NULL,
    state text NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

CREATE TABLE phone_numbers (
    waba_id text COLLATE "C" NOT NULL,
    phone_number_id text COLLATE "C" NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id)
) WITH (fillfactor = 85);
-- For requests about a number, here and below. Ids are never updated, so HOT updates stay possible.
CREATE INDEX phone_numbers_by_number ON phone_numbers (phone_number_id);

-- What is counted of each number's messages. Updated at each commit with a message.
CREATE TABLE traffic (
    waba_id text COLLATE "C" NOT NULL,
    phone_number_id text COLLATE "C" NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
CREATE INDEX traffic_by_number ON traffic (phone_number_id);

-- The templates of each account, in pages of neighbouring ids. `template_ids` are separated by spaces; `state` has a
-- column for each attribute, in a packed form, which PostgreSQL could not compress further.
CREATE TABLE template_pages (
    waba_id text COLLATE "C" NOT NULL,
    first_id text COLLATE "C" NOT NULL,
    template_ids text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (waba_id, first_id)
) WITH (fillfactor = 85);
ALTER TABLE template_pages ALTER COLUMN state SET STORAGE EXTERNAL;

-- The customers of each phone number, as a log of segments: one for each commit that changed any of them. The last entry
-- of a customer counts. An entry is a byte for its kind (1 is a conversation, 2 a recipient), the customer's keyed hash
-- (16 bytes), the length of its state (4 bytes, big-endian), and its state as JSON. An empty state removes the customer.
-- `entries` is their number. Rows are inserted and deleted, not updated; many are dead after a log is rewritten.
CREATE TABLE customer_segments (
    waba_id text COLLATE "C" NOT NULL,
    phone_number_id text COLLATE "C" NOT NULL,
    segment bigint NOT NULL,
    entries bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id, segment)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

-- The daily figures of templates and phone numbers, up to 90 days of each.
CREATE TABLE template_insights (
    waba_id text COLLATE "C" NOT NULL,
    template_id text COLLATE "C" NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (waba_id, template_id)
);

CREATE TABLE number_insights (
    waba_id text COLLATE "C" NOT NULL,
    phone_number_id text COLLATE "C" NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id)
);

-- The windows of changes already applied, for each shard, as segments: the keys of one commit in one row, 16 bytes each,
-- one after another. `newest` is the number of the last of them; each key has the number of its predecessor plus one. The
-- keys are hashes, which cannot be compressed. Each commit inserts a row, and the oldest are deleted. The shard -1 has the
-- keys of a store of one process that was copied here: a key does not tell its account, so all owners read them.
CREATE TABLE delivery_key_segments (
    shard smallint NOT NULL,
    newest bigint NOT NULL,
    keys bytea NOT NULL,
    PRIMARY KEY (shard, newest)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

CREATE TABLE message_key_segments (
    shard smallint NOT NULL,
    newest bigint NOT NULL,
    keys bytea NOT NULL,
    PRIMARY KEY (shard, newest)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
ALTER TABLE delivery_key_segments ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE message_key_segments ALTER COLUMN keys SET STORAGE EXTERNAL;

-- The journal. `transitions` has the lines; the other tables have each id and each name once. Values are text: unlike in
-- SQLite, most are shorter than the overhead of a row.
CREATE TABLE journal_accounts (
    account bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    waba_id text COLLATE "C" NOT NULL UNIQUE
);

-- `kind` is 0 for a template, 1 for a phone number and 2 for an account.
CREATE TABLE journal_entities (
    entity bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bigint NOT NULL,
    kind smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    UNIQUE (account, kind, id)
);

CREATE TABLE journal_attributes (
    attribute integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    UNIQUE (entity, name)
);

-- `order_ms` is the place among all observations; a webhook's is the end of its second. Columns are in the order that
-- needs no padding.
CREATE TABLE transitions (
    entity bigint NOT NULL,
    order_ms bigint NOT NULL,
    attribute integer NOT NULL,
    is_webhook boolean NOT NULL,
    to_value text COLLATE "C" NOT NULL,
    from_value text COLLATE "C",
    PRIMARY KEY (entity, attribute, order_ms, is_webhook, to_value)
);
CREATE INDEX journal_by_time ON transitions (order_ms);

-- Which accounts were found for each app, how, and whether the last complete search no longer found them. `source` is
-- `token`, or `business` and an id.
CREATE TABLE discovered_accounts (
    app text COLLATE "C" NOT NULL,
    waba_id text COLLATE "C" NOT NULL,
    source text NOT NULL,
    is_lost boolean NOT NULL,
    PRIMARY KEY (app, waba_id)
);

-- The numbers of deliveries, across all replicas, so that those of a shard ascend whoever owns it. Without a cache, for the
-- same reason.
CREATE SEQUENCE queue_numbers AS bigint;

-- Verified deliveries that are still to be forwarded. The bodies are customers' data: a row is deleted when every upstream
-- has accepted it or it has expired, and vacuumed soon. `shard` is that of its first account. `waba_ids` and `lanes` are
-- separated by spaces.
CREATE TABLE relay_parcels (
    parcel bigint PRIMARY KEY,
    shard smallint NOT NULL,
    received_ms bigint NOT NULL,
    waba_ids text NOT NULL,
    lanes text NOT NULL,
    signature text NOT NULL,
    body bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
        toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 500);
CREATE INDEX relay_parcels_by_shard ON relay_parcels (shard, parcel);

-- Which upstream has not accepted which delivery. `parked` is why it is parked; NULL while it waits.
CREATE TABLE relay_pending (
    upstream text COLLATE "C" NOT NULL,
    parcel bigint NOT NULL,
    parked text,
    PRIMARY KEY (upstream, parcel)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE INDEX relay_pending_by_parcel ON relay_pending (parcel);

-- Changes that receivers of notifications have not accepted yet. `number` is their order among all changes of the shards
-- that one replica owns. The next owner of a shard numbers its changes anew, after all those that it has. The names are
-- those at the time of the change.
CREATE TABLE notify_queue (
    number bigint NOT NULL,
    shard smallint NOT NULL,
    recorded_ms bigint NOT NULL,
    waba_id text COLLATE "C" NOT NULL,
    entity text COLLATE "C" NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    attribute text COLLATE "C" NOT NULL,
    order_ms bigint NOT NULL,
    source text NOT NULL,
    from_value text,
    to_value text NOT NULL,
    account_name text,
    name text,
    display_phone_number text,
    language text,
    PRIMARY KEY (shard, number)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- The last change of each shard that each receiver accepted, or that was dropped for it.
CREATE TABLE notify_receivers (
    receiver text COLLATE "C" NOT NULL,
    shard smallint NOT NULL,
    settled bigint NOT NULL,
    PRIMARY KEY (receiver, shard)
) WITH (fillfactor = 70);

-- Events for shards that the replica that received them does not own. The owner applies rows and deletes exactly these in
-- the same transaction; it never remembers a position, because ids are not in the order of commits. `events` are parsed.
-- The columns after it are set for a delivery that is forwarded as well; their body is customers' data until the owner
-- has moved it to `relay_parcels`. Rows live for milliseconds, and only the dead remain for the vacuum.
CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_ms bigint NOT NULL,
    shard smallint NOT NULL,
    events text NOT NULL,
    waba_ids text,
    lanes text,
    signature text,
    body bytea
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1,
        toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 500);
CREATE INDEX inbox_by_shard ON inbox (shard, id);

-- The last report of `doctor`, as JSON.
CREATE TABLE examinations (
    only_row smallint PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    report text NOT NULL
);
