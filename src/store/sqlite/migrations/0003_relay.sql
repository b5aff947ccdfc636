-- Verified deliveries that are still to be passed on. The bodies are customers' data: a row goes when
-- every upstream has taken it or it has expired, and `secure_delete` overwrites what it held.
-- `waba_ids` are the accounts it speaks of, separated by spaces.
CREATE TABLE relay_parcels (
    parcel INTEGER NOT NULL PRIMARY KEY,
    received_ms BIGINT NOT NULL,
    waba_ids TEXT NOT NULL,
    signature TEXT NOT NULL,
    body BLOB NOT NULL
);

-- Who has not taken which.
CREATE TABLE relay_pending (
    upstream TEXT NOT NULL,
    parcel BIGINT NOT NULL,
    PRIMARY KEY (upstream, parcel)
) WITHOUT ROWID;
CREATE INDEX relay_pending_by_parcel ON relay_pending (parcel);
