-- Refunds that two people decide, corrections with their reasons, and what keeps finance's desk quick (R21).

ALTER TABLE refunds ADD COLUMN of_fee_minor minor_units NOT NULL DEFAULT 0;  -- what was taken out of the fee for it

-- A refund above the programme's limit: nothing moves until a second person confirms it. Its id becomes the refund's.
CREATE TABLE refund_proposals (
    id              uuid PRIMARY KEY,
    case_id         uuid NOT NULL REFERENCES billing_cases,
    payment_id      uuid NOT NULL,  -- a wire's payment goes when its match is taken back; what was said of it stays
    amount_minor    minor_units NOT NULL CHECK (amount_minor > 0),
    currency        currency_code NOT NULL,
    of_fee_minor    minor_units NOT NULL,
    reason          text NOT NULL CHECK (reason <> ''),
    proposed_by_id  text NOT NULL,
    proposed_by     text NOT NULL,
    proposed_at     timestamptz NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'confirmed', 'rejected', 'lapsed')),
    ruled_by_id     text CHECK (ruled_by_id <> proposed_by_id),
    ruled_by        text,
    ruled_at        timestamptz,
    ruling          text,
    CHECK ((state = 'waiting') = (ruled_at IS NULL)),
    CHECK ((state IN ('confirmed', 'rejected')) = (ruled_by_id IS NOT NULL)),
    CHECK ((ruled_by_id IS NULL) = (ruled_by IS NULL)),
    CHECK (state NOT IN ('rejected', 'lapsed') OR ruling <> '')
);
CREATE INDEX refund_proposals_of_case ON refund_proposals (case_id);
CREATE INDEX refund_proposals_waiting ON refund_proposals (payment_id) WHERE state = 'waiting';

-- What a person changed about an invoice by hand, and why. Written once.
CREATE TABLE corrections (
    id          uuid PRIMARY KEY,
    case_id     uuid NOT NULL REFERENCES billing_cases,
    invoice_id  uuid NOT NULL REFERENCES invoices,
    kind        text NOT NULL CHECK (kind IN ('opened_again', 'let_go')),
    reason      text NOT NULL CHECK (reason <> ''),
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL
);
CREATE INDEX corrections_of_case ON corrections (case_id);

CREATE INDEX invoices_owed ON invoices (due_at) WHERE state IN ('open', 'part_paid');
CREATE INDEX invoices_expired ON invoices (due_at) WHERE cancelled = 'expired';
CREATE INDEX invoices_newest ON invoices (issued_at DESC, id DESC);
CREATE INDEX payments_of_invoice ON payments (invoice_id);
CREATE INDEX payments_held ON payments (invoice_id) WHERE held_minor > 0;
CREATE INDEX refunds_on_their_way ON refunds (payment_id) WHERE state IN ('decided', 'failed');
CREATE INDEX disputes_open ON disputes (payment_id) WHERE state = 'open';
