-- Services that are added later (R17): what a supplement adds counts once it is paid, and a complete collection may grow.

ALTER TABLE confirmations ADD COLUMN supplements integer;  -- the revision that this one adds to; NULL for what was agreed first
ALTER TABLE collections ADD COLUMN completed_revision integer NOT NULL DEFAULT 0;  -- what RecordsComplete was told for
UPDATE collections c SET completed_revision = coalesce((SELECT max(revision) FROM confirmations f WHERE f.case_id = c.case_id), 0)
WHERE completed_at IS NOT NULL;

-- What is to be collected for: what was agreed first, and each supplement once it is paid. An unpaid one holds nothing up.
CREATE VIEW counting_confirmations AS
SELECT f.* FROM confirmations f
WHERE f.supplements IS NULL OR EXISTS (SELECT FROM payments p WHERE p.case_id = f.case_id AND p.revision = f.revision
                                                              AND p.quote_id = f.quote_id);
