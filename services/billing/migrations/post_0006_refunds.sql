-- What earlier refunds took out of the fee, as the ledger says: it counts towards what one person may give back alone (R21).
UPDATE refunds r SET of_fee_minor = said.fee
FROM (SELECT t.source, sum(p.amount_minor) AS fee
      FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
      WHERE t.kind = 'refund_decided' AND p.account IN ('deferred_revenue', 'revenue') GROUP BY t.source) AS said
WHERE r.of_fee_minor = 0 AND r.why = 'decision' AND said.source = 'refund:' || r.id AND said.fee > 0;
