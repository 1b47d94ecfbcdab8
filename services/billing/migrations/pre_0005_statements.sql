-- Bank statements, what became of each of their lines, and what finance decides about a wire (R21).

ALTER TYPE ledger_account ADD VALUE IF NOT EXISTS 'bank_charges';
ALTER TYPE ledger_account ADD VALUE IF NOT EXISTS 'exchange';

-- What banks kept on the way to us, and finance bears: it counts as paid, and is never sent back.
ALTER TABLE invoices ADD COLUMN written_off_minor minor_units NOT NULL DEFAULT 0 CHECK (written_off_minor <= paid_minor);

-- A file that was imported, one row for each account in it. The same file again is the same statement.
CREATE TABLE bank_statements (
    id             uuid PRIMARY KEY,
    file_hash      text NOT NULL,
    ordinal        integer NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('camt.053', 'csv')),
    account        text NOT NULL CHECK (account <> ''),
    currency       currency_code NOT NULL,
    name           text NOT NULL,
    from_on        date NOT NULL,
    to_on          date NOT NULL CHECK (to_on >= from_on),
    opening_minor  bigint,
    closing_minor  bigint,
    known_lines    integer NOT NULL CHECK (known_lines >= 0),
    imported_by    text NOT NULL,
    imported_at    timestamptz NOT NULL,
    UNIQUE (file_hash, ordinal)
);
CREATE INDEX bank_statements_newest ON bank_statements (imported_at DESC, id DESC);

-- A movement of our account, kept once however many files bring it. Above zero came in, below zero left.
CREATE TABLE bank_lines (
    id                   uuid PRIMARY KEY,
    identity             text NOT NULL UNIQUE,
    amount_minor         bigint NOT NULL CHECK (amount_minor <> 0),
    currency             currency_code NOT NULL,
    booked_on            date NOT NULL,
    value_on             date NOT NULL,
    bank_reference       text NOT NULL,
    party                text NOT NULL,
    party_account        text NOT NULL,
    reference            text NOT NULL,
    remittance           text NOT NULL,
    instructed_minor     minor_units,
    instructed_currency  currency_code,
    rate                 text NOT NULL,
    charges_minor        bigint NOT NULL,
    bearer               text CHECK (bearer IN ('ours', 'shared', 'theirs')),
    returned             boolean NOT NULL,
    twin_line            integer,
    receipt_id           uuid UNIQUE REFERENCES wire_receipts,
    became               text CHECK (became IN ('refund', 'taken_back', 'charge', 'set_aside')),
    refund_id            uuid UNIQUE REFERENCES refunds,
    returned_receipt_id  uuid UNIQUE REFERENCES wire_receipts,
    settled_by           text,
    settled_at           timestamptz,
    reason               text,
    CHECK ((instructed_minor IS NULL) = (instructed_currency IS NULL)),
    CHECK ((amount_minor > 0) = (receipt_id IS NOT NULL)),
    CHECK ((became IS NULL) = (settled_at IS NULL) AND (became IS NULL) = (settled_by IS NULL)),
    CHECK ((became = 'refund') = (refund_id IS NOT NULL) OR became IS NULL),
    CHECK ((became = 'taken_back') = (returned_receipt_id IS NOT NULL) OR became IS NULL)
);
CREATE INDEX bank_lines_left ON bank_lines (booked_on) WHERE amount_minor < 0 AND became IS NULL;

CREATE TABLE bank_statement_lines (
    statement_id  uuid NOT NULL REFERENCES bank_statements,
    line          integer NOT NULL,
    nth           integer NOT NULL,
    line_id       uuid NOT NULL REFERENCES bank_lines,
    PRIMARY KEY (statement_id, nth)
);
CREATE INDEX bank_statement_lines_of_line ON bank_statement_lines (line_id);

-- A table that waits for a person to say how it is read. Gone with its import, or after a day.
CREATE TABLE bank_uploads (
    id           uuid PRIMARY KEY,
    content      bytea NOT NULL,
    uploaded_by  text NOT NULL,
    uploaded_at  timestamptz NOT NULL
);

-- How the tables of one account are read, once a person has said so. Two accounts of a bank share a signature.
CREATE TABLE bank_mappings (
    signature  text NOT NULL,
    account    text NOT NULL CHECK (account <> ''),
    currency   currency_code NOT NULL,
    mapping    jsonb NOT NULL,
    said_by    text NOT NULL,
    said_at    timestamptz NOT NULL,
    PRIMARY KEY (signature, account, currency)
);

-- Which payments a wire became, and why; one that was wrong stays, with who took it back. Payments go, matches stay.
CREATE TABLE wire_matches (
    payment_id      uuid PRIMARY KEY,
    receipt_id      uuid NOT NULL REFERENCES wire_receipts,
    invoice_id      uuid NOT NULL REFERENCES invoices,
    amount_minor    minor_units NOT NULL CHECK (amount_minor > 0),
    currency        currency_code NOT NULL,
    why             text NOT NULL,
    matched_by      text NOT NULL,
    matched_at      timestamptz NOT NULL,
    undone_by       text,
    undone_at       timestamptz,
    undone_reason   text,
    CHECK ((undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_reason IS NULL))
);
CREATE INDEX wire_matches_of_receipt ON wire_matches (receipt_id);

-- A wire that will never be matched: not ours to keep, taken back by the bank, or in the books already as another one.
ALTER TABLE wire_receipts
    ADD COLUMN closed_as text CHECK (closed_as IN ('set_aside', 'taken_back', 'same')),
    ADD COLUMN closed_by text,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN closed_reason text,
    ADD COLUMN same_as uuid REFERENCES wire_receipts CHECK (same_as <> id),
    ADD CONSTRAINT wire_receipts_same CHECK ((closed_as IS NOT DISTINCT FROM 'same') = (same_as IS NOT NULL)),
    ADD CONSTRAINT wire_receipts_end_once CHECK (closed_as IS NULL OR payment_id IS NULL),
    ADD CONSTRAINT wire_receipts_closed CHECK ((closed_as IS NULL) = (closed_at IS NULL)
        AND (closed_as IS NULL) = (closed_by IS NULL) AND (closed_as IS NULL) = (closed_reason IS NULL));
CREATE INDEX wire_receipts_alike ON wire_receipts (value_on, amount_minor, currency);
DROP INDEX wire_receipts_unmatched;
CREATE INDEX wire_receipts_unmatched ON wire_receipts (entered_at) WHERE payment_id IS NULL AND closed_as IS NULL;
INSERT INTO wire_matches (payment_id, receipt_id, invoice_id, amount_minor, currency, why, matched_by, matched_at)
    SELECT p.id, w.id, p.invoice_id, w.amount_minor, w.currency, 'Chosen by hand', w.matched_by, w.matched_at
    FROM wire_receipts w JOIN payments p ON p.id = w.payment_id;
