-- What the last commit knew of Meta's clock: a time that it had certainly reached, the milliseconds from the time
-- since boot to Meta's time, and the boot that this holds for. A machine whose clock is wrong at the start is then
-- found out before Meta has answered.
ALTER TABLE commits ADD COLUMN clock_ms BIGINT;
ALTER TABLE commits ADD COLUMN clock_offset_ms BIGINT;
ALTER TABLE commits ADD COLUMN boot_id TEXT;
