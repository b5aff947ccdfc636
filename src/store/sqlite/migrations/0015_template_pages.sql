-- The templates of each account, in pages of neighbouring ids. `template_ids` are separated by spaces; `state` has a
-- column for each attribute, in a packed form. When the exporter opens the store, it moves the rows of `templates`, which
-- has one for each template, into these pages.
CREATE TABLE template_pages (
    waba_id TEXT NOT NULL,
    first_id TEXT NOT NULL,
    template_ids TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (waba_id, first_id)
);
