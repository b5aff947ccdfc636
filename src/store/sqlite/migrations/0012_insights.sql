-- The daily figures of templates and phone numbers, up to 90 days of each. `state` is JSON.
CREATE TABLE template_insights (
    waba_id TEXT NOT NULL,
    template_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, template_id)
);

CREATE TABLE number_insights (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id)
);
