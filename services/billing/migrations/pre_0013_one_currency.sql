-- An entry of the ledger is in one currency: a change of currency is two entries over the account ``exchange`` (R21).

CREATE OR REPLACE FUNCTION ledger_checks_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid;
    lines integer;
    total numeric;
    currencies text[];
BEGIN
    IF TG_TABLE_NAME = 'ledger_postings' THEN checked := NEW.transaction_id; ELSE checked := NEW.id; END IF;
    SELECT count(*), coalesce(sum(amount_minor), 0), array_agg(DISTINCT currency::text)
        INTO lines, total, currencies FROM ledger_postings WHERE transaction_id = checked;
    IF cardinality(currencies) > 1 THEN
        RAISE EXCEPTION 'transaction % is in more than one currency: %', checked, array_to_string(currencies, ', ')
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF lines < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'transaction % does not balance: % postings, off by %', checked, lines, total
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
