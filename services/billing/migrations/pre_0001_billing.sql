-- Billing's own tables (R17, R20, R21). Amounts are minor units of an ISO 4217 currency.

CREATE DOMAIN minor_units AS bigint CHECK (VALUE >= 0);
CREATE DOMAIN currency_code AS text CHECK (VALUE ~ '^[A-Z]{3}$');

-- What billing has heard of a case, in whatever order it came; its row is the lock for all of the case's money.
CREATE TABLE billing_cases (
    case_id       uuid PRIMARY KEY,
    case_number   text UNIQUE,
    accepted_at   timestamptz,
    delivered_at  timestamptz,
    withdrawn_at  timestamptz,
    kept_at       timestamptz,  -- finance ruled that nothing more of a withdrawn case's fee goes back
    kept_by       text,
    kept_reason   text,
    CHECK ((kept_at IS NULL) = (kept_reason IS NULL))
);

CREATE TABLE invoices (
    id              uuid PRIMARY KEY,
    case_id         uuid NOT NULL REFERENCES billing_cases,
    quote_id        uuid NOT NULL,
    revision        integer NOT NULL CHECK (revision >= 1),
    ordinal         integer NOT NULL CHECK (ordinal BETWEEN 1 AND 99),
    programme_id    text NOT NULL,
    programme_version integer NOT NULL,
    services        text[] NOT NULL,
    price_minor     minor_units NOT NULL,
    currency        currency_code NOT NULL,
    issued_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    paid_minor      minor_units NOT NULL DEFAULT 0,
    returned_minor  minor_units NOT NULL DEFAULT 0,
    turns           integer NOT NULL DEFAULT 0,
    cancelled       text CHECK (cancelled IN ('withdrawn', 'expired')),
    received_at     timestamptz,
    earned_at       timestamptz,
    state           text NOT NULL CHECK (state IN ('open', 'part_paid', 'paid', 'overpaid', 'cancelled', 'refunded')),
    UNIQUE (case_id, quote_id, revision),
    UNIQUE (case_id, ordinal),
    CHECK (returned_minor <= paid_minor AND paid_minor <= price_minor)
);

-- A visit to the provider's pay page. Until it closes, asking to pay the same amount leads back to it.
CREATE TABLE checkouts (
    id            uuid PRIMARY KEY,
    case_id       uuid NOT NULL REFERENCES billing_cases,
    invoice_id    uuid NOT NULL REFERENCES invoices,
    provider_id   text NOT NULL UNIQUE,
    url           text NOT NULL,
    amount_minor  minor_units NOT NULL,
    currency      currency_code NOT NULL,
    opened_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    closed_at     timestamptz
);
CREATE INDEX checkouts_of_invoice ON checkouts (invoice_id);

CREATE TABLE card_attempts (
    provider_id  text PRIMARY KEY,
    checkout_id  uuid NOT NULL REFERENCES checkouts,
    status       text NOT NULL CHECK (status IN ('processing', 'failed', 'succeeded')),
    heard_at     timestamptz NOT NULL
);
CREATE INDEX card_attempts_of_checkout ON card_attempts (checkout_id);

CREATE TABLE payments (
    id              uuid PRIMARY KEY,
    case_id         uuid NOT NULL REFERENCES billing_cases,
    invoice_id      uuid NOT NULL REFERENCES invoices,
    method          text NOT NULL CHECK (method IN ('card', 'wire')),
    provider_id     text NOT NULL UNIQUE,
    amount_minor    minor_units NOT NULL,
    currency        currency_code NOT NULL,
    received_at     timestamptz NOT NULL,
    applied_minor   minor_units NOT NULL,
    held_minor      minor_units NOT NULL,
    returned_minor  minor_units NOT NULL DEFAULT 0,
    CHECK (applied_minor + held_minor + returned_minor = amount_minor)
);
CREATE INDEX payments_of_case ON payments (case_id);

-- What the bank statement says came in, as finance entered it. Matched once, to one payment.
CREATE TABLE wire_receipts (
    id              uuid PRIMARY KEY,
    bank_reference  text NOT NULL UNIQUE,
    amount_minor    minor_units NOT NULL CHECK (amount_minor > 0),
    currency        currency_code NOT NULL,
    sender          text NOT NULL,
    remittance      text NOT NULL,
    value_on        date NOT NULL,
    entered_by      text NOT NULL,
    entered_at      timestamptz NOT NULL,
    payment_id      uuid UNIQUE REFERENCES payments,
    matched_by      text,
    matched_at      timestamptz,
    CHECK ((payment_id IS NULL) = (matched_by IS NULL) AND (payment_id IS NULL) = (matched_at IS NULL))
);
CREATE INDEX wire_receipts_unmatched ON wire_receipts (entered_at) WHERE payment_id IS NULL;

CREATE TABLE refunds (
    id            uuid PRIMARY KEY,
    case_id       uuid NOT NULL REFERENCES billing_cases,
    payment_id    uuid NOT NULL REFERENCES payments,
    amount_minor  minor_units NOT NULL CHECK (amount_minor > 0),
    currency      currency_code NOT NULL,
    why           text NOT NULL CHECK (why IN ('withdrawn', 'surplus', 'late', 'decision')),
    reason        text NOT NULL CHECK (reason <> ''),
    decided_by    text NOT NULL,
    decided_at    timestamptz NOT NULL,
    state         text NOT NULL CHECK (state IN ('decided', 'issued', 'failed')),
    paid_as       text,
    settled_at    timestamptz
);
CREATE INDEX refunds_of_case ON refunds (case_id);

-- Messages of the provider that were taken in: a second delivery of one does nothing.
CREATE TABLE webhook_deliveries (
    webhook_id   text PRIMARY KEY,
    kind         text NOT NULL,
    received_at  timestamptz NOT NULL
);

-- The ledger. Written once, never changed; each transaction sums to zero per currency when its database transaction commits.
CREATE TABLE ledger_transactions (
    id          uuid PRIMARY KEY,
    case_id     uuid,
    kind        text NOT NULL,
    source      text NOT NULL UNIQUE,
    entered_at  timestamptz NOT NULL,
    entered_by  text NOT NULL,
    written_in  xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ledger_of_case ON ledger_transactions (case_id);

CREATE TABLE ledger_postings (
    transaction_id  uuid NOT NULL REFERENCES ledger_transactions,
    line            integer NOT NULL,
    account         text NOT NULL CHECK (account IN ('receivable', 'card_clearing', 'bank', 'unmatched_receipts',
                        'deferred_revenue', 'revenue', 'overpayments', 'refunds_payable')),
    currency        currency_code NOT NULL,
    amount_minor    bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (transaction_id, line)
);
CREATE INDEX ledger_postings_of_account ON ledger_postings (account, currency) INCLUDE (amount_minor);

CREATE FUNCTION ledger_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed: write a correcting transaction instead (% on %)', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER ledger_transactions_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change();
CREATE TRIGGER ledger_postings_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change();

CREATE FUNCTION ledger_refuses_late_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_transactions
                   WHERE id = NEW.transaction_id AND written_in = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'transaction % is closed: its postings are written with it or not at all', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_postings_come_with_their_transaction BEFORE INSERT ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_refuses_late_posting();

CREATE FUNCTION ledger_checks_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid;
    lines integer;
    unbalanced text;
BEGIN
    IF TG_TABLE_NAME = 'ledger_postings' THEN checked := NEW.transaction_id; ELSE checked := NEW.id; END IF;
    SELECT count(*) INTO lines FROM ledger_postings WHERE transaction_id = checked;
    SELECT string_agg(format('%s %s', total, currency), ', ') INTO unbalanced
        FROM (SELECT currency, sum(amount_minor) AS total FROM ledger_postings
              WHERE transaction_id = checked GROUP BY currency HAVING sum(amount_minor) <> 0) AS sums;
    IF lines < 2 OR unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'transaction % does not balance: % postings, off by %', checked, lines, coalesce(unbalanced, '0')
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_transactions_balance AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_checks_balance();
CREATE CONSTRAINT TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_checks_balance();
