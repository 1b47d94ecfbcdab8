-- What bills, credits or takes money leaves a document behind, or doesn't happen.
CREATE FUNCTION ledger_asks_for_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM documents WHERE source = NEW.source) THEN
        RAISE EXCEPTION '% of % has no document', NEW.kind, NEW.source USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_leaves_documents AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.kind IN ('invoice_issued', 'invoice_reinstated', 'payment_received'))
    EXECUTE FUNCTION ledger_asks_for_document();
