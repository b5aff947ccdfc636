-- The exporter that opened the store last, by a random number. Every commit names it, so that an exporter that
-- was started before another one stops instead of overwriting what the other has stored.
ALTER TABLE commits ADD COLUMN writer BIGINT;
