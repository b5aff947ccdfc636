-- Customers who count, or may come to count, towards the messaging limit of a portfolio. `recipient` is a keyed hash, the
-- same for all phone numbers: who the customer is cannot be told from it. `state` is JSON.
CREATE TABLE recipients (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (waba_id, phone_number_id, recipient)
) WITHOUT ROWID;
