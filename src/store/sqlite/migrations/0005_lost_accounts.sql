-- How each discovered account was found, and whether the last complete search no longer found it. A lost
-- account stays until it returns or an operator forgets it. `source` is `token`, or `business` and an id.
ALTER TABLE discovered_accounts ADD COLUMN source TEXT NOT NULL DEFAULT 'token';
ALTER TABLE discovered_accounts ADD COLUMN is_lost BIGINT NOT NULL DEFAULT 0;
