-- Invoices, receipts and credit notes: numbered without gaps, written once (R21, ADR 0024).

-- The last number given out in each series. Its row is locked last in a transaction, just before the commit.
CREATE TABLE document_counters (
    kind    text NOT NULL,
    seller  text NOT NULL,
    year    integer NOT NULL,
    last    integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (kind, seller, year)
);

-- What was handed out, as it was then. ``content`` holds no name: who it is for is asked of intake when it is shown.
CREATE TABLE documents (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('invoice', 'receipt', 'credit_note')),
    seller        text NOT NULL,
    year          integer NOT NULL,
    number        integer NOT NULL CHECK (number > 0),
    case_id       uuid NOT NULL REFERENCES billing_cases,
    invoice_id    uuid NOT NULL REFERENCES invoices,
    source        text NOT NULL REFERENCES ledger_transactions (source),
    amount_minor  minor_units NOT NULL CHECK (amount_minor > 0),
    currency      currency_code NOT NULL,
    issued_at     timestamptz NOT NULL,
    content       jsonb NOT NULL,
    UNIQUE (kind, seller, year, number),
    UNIQUE (source, kind)
);
CREATE INDEX documents_of_case ON documents (case_id);
CREATE INDEX documents_by_time ON documents (issued_at, id);

-- Whom a receipt names as its payer, as somebody asked for. The newest is printed; a row may be erased (R29).
CREATE TABLE receipt_payers (
    document_id  uuid NOT NULL REFERENCES documents,
    said_at      timestamptz NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    said_by      text NOT NULL,
    PRIMARY KEY (document_id, said_at)
);

CREATE FUNCTION documents_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a document is never changed: write a credit note instead (% on %)', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER documents_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION documents_refuse_change();

-- Each number follows the one before it, and each sum is what the ledger says of the same cause.
CREATE FUNCTION documents_check_number_and_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fee bigint;
    came bigint;
    says bigint;
BEGIN
    IF NEW.number > 1 AND NOT EXISTS (SELECT FROM documents WHERE kind = NEW.kind AND seller = NEW.seller
                                      AND year = NEW.year AND number = NEW.number - 1) THEN
        RAISE EXCEPTION '% % of % leaves a gap before it', NEW.kind, NEW.number, NEW.year
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT -coalesce(sum(p.amount_minor) FILTER (WHERE p.account IN ('deferred_revenue', 'revenue')), 0),
           coalesce(sum(p.amount_minor) FILTER (WHERE p.account IN ('card_clearing', 'unmatched_receipts', 'bank')), 0)
        INTO fee, came
        FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id
        WHERE t.source = NEW.source AND t.case_id = NEW.case_id AND p.currency = NEW.currency;
    says := CASE NEW.kind WHEN 'invoice' THEN fee WHEN 'credit_note' THEN -fee ELSE came END;
    IF NEW.amount_minor <> says THEN
        RAISE EXCEPTION '% over % %: the ledger has another sum for %', NEW.kind, NEW.amount_minor, NEW.currency, NEW.source
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER documents_follow AFTER INSERT ON documents
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION documents_check_number_and_sum();

CREATE INDEX ledger_by_time ON ledger_transactions (entered_at, id);
