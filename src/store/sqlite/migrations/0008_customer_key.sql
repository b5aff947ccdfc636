-- A check value of the key that customers are hashed with: tells after a restart whether the key is still the
-- one that the open conversations were hashed with. The key itself is never stored here.
ALTER TABLE commits ADD COLUMN customer_key TEXT;
