-- Cards in full: disputes, visits that are asked about, what the provider's report says (R21).

-- Whoever needs one more account adds it with ALTER TYPE ledger_account ADD VALUE, without knowing the others.
CREATE TYPE ledger_account AS ENUM ('receivable', 'card_clearing', 'bank', 'unmatched_receipts', 'deferred_revenue',
    'revenue', 'overpayments', 'refunds_payable', 'disputed', 'dispute_losses', 'provider_fees');
ALTER TABLE ledger_postings DROP CONSTRAINT ledger_postings_account_check;
ALTER TABLE ledger_postings ALTER COLUMN account TYPE ledger_account USING account::ledger_account;

-- ``disputed_minor``: banks have still to decide on it, and so much can't go back. ``lost_minor``: they gave it away.
ALTER TABLE payments
    ADD COLUMN disputed_minor minor_units NOT NULL DEFAULT 0,
    ADD COLUMN lost_minor minor_units NOT NULL DEFAULT 0,
    DROP CONSTRAINT payments_check,
    ADD CONSTRAINT payments_whole CHECK (applied_minor + held_minor + returned_minor + lost_minor = amount_minor);

-- ``overtaken``: a lost dispute took the money before the refund did.
ALTER TABLE refunds
    DROP CONSTRAINT refunds_state_check,
    ADD CONSTRAINT refunds_state_check CHECK (state IN ('decided', 'issued', 'failed', 'overtaken'));

-- A card's holder asked their bank for the money. Without ``payment_id`` while we haven't heard of the payment yet.
CREATE TABLE disputes (
    id                uuid PRIMARY KEY,
    provider_id       text NOT NULL UNIQUE,
    provider_payment  text NOT NULL,
    payment_id        uuid REFERENCES payments,
    case_id           uuid REFERENCES billing_cases,
    amount_minor      minor_units NOT NULL CHECK (amount_minor > 0),
    currency          currency_code NOT NULL,
    reason            text NOT NULL,
    state             text NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    opened_at         timestamptz NOT NULL,
    evidence_due_at   timestamptz,
    settled_at        timestamptz,
    accepted_by       text,
    accepted_reason   text,
    accepted_at       timestamptz,
    concluded_by      text,
    concluded_reason  text,
    concluded_at      timestamptz,
    CHECK ((payment_id IS NULL) = (case_id IS NULL)),
    CHECK ((accepted_at IS NULL) = (accepted_reason IS NULL)),
    CHECK ((concluded_at IS NULL) = (concluded_reason IS NULL))
);
CREATE INDEX disputes_of_case ON disputes (case_id);
CREATE INDEX disputes_of_payment ON disputes (provider_payment);

-- What waits for a word of the provider is asked about, ever less often.
ALTER TABLE checkouts ADD COLUMN asked_at timestamptz;
CREATE INDEX checkouts_open ON checkouts (case_id) WHERE closed_at IS NULL;
ALTER TABLE refunds ADD COLUMN asked_at timestamptz;

-- Each time the provider's report was held against the books, and what differed.
CREATE TABLE provider_checks (
    id          uuid PRIMARY KEY,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (ends_at > starts_at),
    checked_at  timestamptz NOT NULL,
    checked_by  text NOT NULL,
    lines       integer NOT NULL,
    fees        integer NOT NULL
);

CREATE TABLE provider_differences (
    id             uuid PRIMARY KEY,
    check_id       uuid NOT NULL REFERENCES provider_checks,
    ordinal        integer NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('missing_here', 'missing_there', 'amount_differs', 'currency_differs',
                       'state_differs', 'twice')),
    movement       text NOT NULL,
    object_id      text NOT NULL,
    line           jsonb,
    case_id        uuid,
    ours_minor     bigint,
    ours_currency  text,
    said           text NOT NULL,
    taken_in_by    text,
    taken_in_at    timestamptz,
    UNIQUE (check_id, ordinal)
);
