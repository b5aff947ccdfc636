-- What each refresh changes: the times of an account's polls, as JSON. The row of the account and those of its phone
-- numbers refer to the newest ones, so that a refresh that finds nothing new writes only this row. `state` is NULL if an
-- older version has stored the account; when the exporter opens the store, it writes such accounts anew.
CREATE TABLE refreshes (
    waba_id TEXT NOT NULL PRIMARY KEY,
    saved_ms BIGINT NOT NULL,
    state TEXT
);
INSERT INTO refreshes (waba_id, saved_ms) SELECT waba_id, saved_ms FROM accounts;
ALTER TABLE accounts DROP COLUMN saved_ms;
