-- One queue for all requests, remote and in person, from the first contact until the payment is in; it had been two.
INSERT INTO queue_items (id, queue, item_key, case_id, title, due, data, state, claimed_by, claimed_name, claimed_at, created_at)
SELECT gen_random_uuid(), 'requests', c.case_id::text, c.case_id, c.case_number || ' · ' || patient.name,
       CASE WHEN waiting.code = 'to_contact' THEN c.contact_due_at END,
       jsonb_build_object(
           'href', '/desk/cases/' || c.case_id, 'waiting', waiting.code, 'stream', c.stream, 'channel', c.channel,
           'language', patient.languages[1], 'country', patient.country),
       CASE WHEN old.claimed_by IS NULL THEN 'open' ELSE 'claimed' END, old.claimed_by, old.claimed_name, old.claimed_at,
       c.submitted_at
FROM cases c
JOIN people patient ON patient.case_id = c.case_id AND patient.role = 'patient'
LEFT JOIN progress p ON p.case_id = c.case_id
LEFT JOIN LATERAL (SELECT state FROM quotes WHERE case_id = c.case_id ORDER BY offered_at DESC, revision DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (
    SELECT claimed_by, claimed_name, claimed_at FROM queue_items
    WHERE case_id = c.case_id AND queue IN ('new-requests', 'in-person') AND state = 'claimed' LIMIT 1) old ON true
CROSS JOIN LATERAL (SELECT CASE
    WHEN c.confirmed_at IS NOT NULL THEN 'awaiting_payment'
    WHEN last.state = 'open' THEN 'quote_open'
    WHEN c.contacted_at IS NULL THEN 'to_contact'
    WHEN last.state = 'declined' THEN 'quote_declined'
    WHEN last.state = 'expired' THEN 'quote_expired'
    ELSE 'to_quote' END AS code) waiting
WHERE c.withdrawn_at IS NULL AND p.paid_at IS NULL AND p.delivered_at IS NULL
ON CONFLICT (queue, item_key) DO NOTHING;

UPDATE queue_items SET state = 'done', claimed_by = NULL, claimed_name = NULL, claimed_at = NULL
WHERE queue IN ('new-requests', 'in-person') AND state <> 'done';
