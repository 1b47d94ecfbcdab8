-- The case manager's desk (R22, R28): who guides a case and why, what was asked and answered, what came after completeness.

ALTER TABLE case_managers ADD COLUMN zone text NOT NULL DEFAULT 'UTC';
ALTER TABLE collections ADD COLUMN zones text[] NOT NULL DEFAULT '{}';  -- of the patient's country
CREATE TABLE manager_absences (
    id uuid PRIMARY KEY,
    manager text NOT NULL REFERENCES case_managers,
    deputy text REFERENCES case_managers CHECK (deputy <> manager),  -- NULL: each case goes to whom the rule chooses
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    entered_by_name text NOT NULL,
    entered_at timestamptz NOT NULL,
    began_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX manager_absences_open ON manager_absences (manager, starts_at) WHERE ended_at IS NULL;
-- Rows are only added.
CREATE TABLE hand_overs (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    kind text NOT NULL CHECK (kind IN ('handed_over', 'absence', 'given_back', 'left')),
    from_manager text NOT NULL REFERENCES case_managers,
    to_manager text NOT NULL REFERENCES case_managers,
    absence_id uuid REFERENCES manager_absences,
    words text NOT NULL,
    by_name text,  -- NULL: the clock
    at timestamptz NOT NULL
);
CREATE INDEX hand_overs_of_case ON hand_overs (case_id, id);
CREATE INDEX hand_overs_of_absence ON hand_overs (absence_id) WHERE absence_id IS NOT NULL;

-- One thread per line of the checklist and per sender. Rows are added, and marked as read once.
CREATE TABLE line_messages (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    item_id uuid NOT NULL REFERENCES items,
    party text NOT NULL,  -- patient, local_physician, helper:<id>
    from_desk boolean NOT NULL,
    by_name text NOT NULL,
    text text NOT NULL CHECK (btrim(text) <> ''),
    at timestamptz NOT NULL,
    read_at timestamptz,
    read_by_name text,
    CHECK (num_nulls(read_at, read_by_name) IN (0, 2))
);
CREATE INDEX line_messages_of_case ON line_messages (case_id, item_id, at);
CREATE INDEX line_messages_unread ON line_messages (case_id) WHERE read_at IS NULL;

CREATE TABLE chases (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    template text NOT NULL,
    audience text NOT NULL CHECK (audience IN ('requester', 'local_physician')),
    by_name text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX chases_of_case ON chases (case_id, at);

-- Why something came back or is gone without, by a template that exists in every language, and what it means (R28).
ALTER TABLE items ADD COLUMN reason_code text, ADD COLUMN meaning text;
ALTER TABLE item_decisions ADD COLUMN reason_code text, ADD COLUMN meaning text;

-- What came after the records were complete counts only once somebody decides so.
ALTER TABLE documents
    ADD COLUMN late text CHECK (late IN ('waits', 'taken', 'aside')),
    ADD COLUMN late_words text,  -- to the specialist when it was taken in, to the sender when it was set aside
    ADD COLUMN late_by_name text,
    ADD COLUMN late_at timestamptz,
    ADD CHECK (num_nulls(late_words, late_by_name, late_at) IN (0, 3)),
    ADD CHECK (late IS NULL OR (late = 'waits') = (late_words IS NULL));
