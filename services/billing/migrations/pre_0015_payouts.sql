-- What the card provider pays out to the bank, and wires that the bank takes back after the fee was earned (R21).

ALTER TYPE ledger_account ADD VALUE IF NOT EXISTS 'in_transit';
ALTER TYPE ledger_account ADD VALUE IF NOT EXISTS 'bad_debts';

CREATE TABLE provider_payouts (
    id            uuid PRIMARY KEY,
    provider_id   text NOT NULL UNIQUE,
    amount_minor  minor_units NOT NULL CHECK (amount_minor > 0),
    currency      currency_code NOT NULL,
    sent_at       timestamptz NOT NULL,
    bank_text     text NOT NULL,
    failed_at     timestamptz,
    receipt_id    uuid UNIQUE REFERENCES wire_receipts,
    matched_by    text,
    matched_at    timestamptz,
    turns         integer NOT NULL DEFAULT 0,
    CHECK ((receipt_id IS NULL) = (matched_by IS NULL) AND (receipt_id IS NULL) = (matched_at IS NULL))
);
CREATE INDEX provider_payouts_on_their_way ON provider_payouts (sent_at) WHERE receipt_id IS NULL AND failed_at IS NULL;
CREATE INDEX provider_payouts_newest ON provider_payouts (sent_at DESC, id DESC);

ALTER TABLE provider_checks ADD COLUMN payouts integer NOT NULL DEFAULT 0;

-- Money in the bank that is a payout is no patient's.
ALTER TABLE wire_receipts
    DROP CONSTRAINT wire_receipts_closed_as_check,
    ADD CONSTRAINT wire_receipts_closed_as_check CHECK (closed_as IN ('set_aside', 'taken_back', 'same', 'payout'));

-- A match that ended because the bank took the money back: it was right, the money is gone.
ALTER TABLE wire_matches ADD COLUMN recalled boolean NOT NULL DEFAULT false CHECK (undone_at IS NOT NULL OR NOT recalled);

ALTER TABLE corrections
    DROP CONSTRAINT corrections_kind_check,
    ADD CONSTRAINT corrections_kind_check CHECK (kind IN ('opened_again', 'let_go', 'loss_borne'));
