-- Which accounts were found for each app when it was last asked, so that a start without Meta still knows them.
CREATE TABLE discovered_accounts (
    app TEXT NOT NULL,
    waba_id TEXT NOT NULL,
    PRIMARY KEY (app, waba_id)
);
