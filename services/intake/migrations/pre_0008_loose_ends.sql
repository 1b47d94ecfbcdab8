-- What a merged case left to the one that goes on: calls to come and open tasks. Undoing the merger brings them back.
CREATE TABLE handed_on (
    item_id      uuid        NOT NULL,
    from_case    uuid        NOT NULL REFERENCES cases ON DELETE CASCADE,
    handed_on_at timestamptz NOT NULL,
    PRIMARY KEY (item_id, from_case)
);
CREATE INDEX handed_on_by_case ON handed_on (from_case);

-- A call that a machine seems to have asked for. Until somebody has tried it, it waits apart.
ALTER TABLE call_backs ADD COLUMN caught boolean NOT NULL DEFAULT false;

-- What was set aside and nobody decided is erased when a form that nobody sent would be.
INSERT INTO timers (case_id, name, due)
SELECT case_id, 'erase_set_aside', greatest(received_at + interval '30 days', now()) FROM set_aside WHERE state = 'open'
ON CONFLICT (case_id, name) DO NOTHING;

-- Pairs of which one was withdrawn need no decision any more; until now they stayed on the queue.
UPDATE queue_items i SET state = 'done', claimed_by = NULL, claimed_name = NULL, claimed_at = NULL
FROM possible_duplicates d JOIN cases c ON c.case_id IN (d.later, d.earlier)
WHERE i.queue = 'possible-duplicates' AND i.state <> 'done' AND i.item_key = d.later || ':' || d.earlier
  AND c.withdrawn_at IS NOT NULL;
