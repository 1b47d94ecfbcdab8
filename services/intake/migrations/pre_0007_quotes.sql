-- How a quote's price came about, how it was answered, what was asked about it, and services that are added later (R17, R19).

ALTER TABLE quotes
    ADD COLUMN supplements      integer CHECK (supplements < revision),  -- the accepted revision that this one adds to
    ADD COLUMN adjustment_minor bigint NOT NULL DEFAULT 0,               -- below zero: a discount on the sum of the lines
    ADD COLUMN price_reason     text NOT NULL DEFAULT '',                -- why the price isn't the sample's; staff read it
    ADD COLUMN surgery_advice   boolean NOT NULL DEFAULT false,          -- the quote says that surgery is better in person (R4)
    ADD COLUMN decline_code     text,
    ADD COLUMN decline_words    text NOT NULL DEFAULT '',
    ADD COLUMN reminded_at      timestamptz,
    ADD CONSTRAINT quotes_declined_for_a_reason CHECK (decline_code IS NULL OR state = 'declined');
-- What the patient agreed to first is agreed to once; whatever is added later supplements it.
CREATE UNIQUE INDEX quotes_one_agreement ON quotes (case_id) WHERE state = 'accepted' AND supplements IS NULL;

-- A price for each service that the revision brings. Written with its quote, never changed.
CREATE TABLE quote_lines (
    quote_id     uuid NOT NULL,
    revision     integer NOT NULL,
    position     integer NOT NULL,
    service      text NOT NULL,
    sample_minor bigint NOT NULL CHECK (sample_minor >= 0),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (quote_id, revision, position),
    UNIQUE (quote_id, revision, service),
    FOREIGN KEY (quote_id, revision) REFERENCES quotes ON DELETE CASCADE
);

-- What the patient's side asked about a quote, and what an advisor answered.
CREATE TABLE quote_questions (
    question_id uuid PRIMARY KEY,
    case_id     uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    quote_id    uuid NOT NULL,
    revision    integer NOT NULL,
    text        text NOT NULL CHECK (text <> ''),
    asked_by    text NOT NULL CHECK (asked_by IN ('patient', 'requester')),
    asked_at    timestamptz NOT NULL,
    answer      text CHECK (answer <> ''),
    answered_by text,
    answered_at timestamptz,
    FOREIGN KEY (quote_id, revision) REFERENCES quotes ON DELETE CASCADE,
    CHECK (num_nulls(answer, answered_by, answered_at) IN (0, 3))
);
CREATE INDEX quote_questions_of_case ON quote_questions (case_id, asked_at);

-- A specialist, or whoever guides the case, wishes for a service to be added; an advisor quotes it or says why not (R17).
CREATE TABLE service_wishes (
    wish_id    uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    service    text NOT NULL,
    words      text NOT NULL CHECK (words <> ''),
    wished_by  text NOT NULL,
    wished_at  timestamptz NOT NULL,
    outcome    text CHECK (outcome IN ('quoted', 'set_aside', 'withdrawn')),
    settled_by text,
    settled_at timestamptz,
    settled_as text NOT NULL DEFAULT '',
    CHECK (num_nulls(outcome, settled_at) IN (0, 2)),
    CHECK (outcome IS DISTINCT FROM 'set_aside' OR settled_as <> '')
);
CREATE INDEX service_wishes_of_case ON service_wishes (case_id, wished_at);
