-- `lanes` are what a delivery is ordered with: a letter for its kind, then keyed hashes as hexadecimal digits,
-- separated by spaces. NULL for a delivery of an earlier version, which has its place among all messages of its
-- accounts.
ALTER TABLE relay_parcels ADD COLUMN lanes TEXT;

-- Why an upstream's delivery is parked; NULL while it waits.
ALTER TABLE relay_pending ADD COLUMN parked TEXT;
