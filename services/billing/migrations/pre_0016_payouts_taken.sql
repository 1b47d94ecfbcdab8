-- What the card provider takes from our bank when we owe it, and the line of the bank by which it left (R21).

ALTER TABLE provider_payouts
    ADD COLUMN taken boolean NOT NULL DEFAULT false,
    ADD COLUMN line_id uuid UNIQUE REFERENCES bank_lines CHECK (line_id IS NULL OR taken);

-- What was taken and given back by the bank waits for a line again: the one that brings it back.
DROP INDEX provider_payouts_on_their_way;
CREATE INDEX provider_payouts_on_their_way ON provider_payouts (sent_at)
    WHERE receipt_id IS NULL AND (failed_at IS NULL) = (line_id IS NULL);

ALTER TABLE bank_lines
    DROP CONSTRAINT bank_lines_became_check,
    ADD CONSTRAINT bank_lines_became_check CHECK (became IN ('refund', 'taken_back', 'charge', 'set_aside', 'payout'));
