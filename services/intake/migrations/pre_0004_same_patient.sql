-- The same patient asking twice: what people are found by, pairs that may be one, what staff decided, and cases continued in others.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- A case may go on in another one; nothing of it is deleted, and it can come back.
ALTER TABLE cases ADD COLUMN continued_in uuid REFERENCES cases, ADD COLUMN continued_at timestamptz;
ALTER TABLE cases ADD CHECK (continued_in <> case_id), ADD CHECK ((continued_in IS NULL) = (continued_at IS NULL));
CREATE INDEX cases_continued ON cases (continued_in) WHERE continued_in IS NOT NULL;
CREATE INDEX people_by_birth_date ON people (birth_date) WHERE role = 'patient';

-- Derived from people: names as they sound, phone numbers as digits from the last to the first. May be emptied and built again.
CREATE TABLE findable (
    case_id uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    role    text NOT NULL CHECK (role IN ('patient', 'requester', 'local_physician')),
    sounds  text NOT NULL,
    email   text,
    phone   text,
    PRIMARY KEY (case_id, role)
);
CREATE INDEX findable_by_sound ON findable USING gin (sounds gin_trgm_ops);
CREATE INDEX findable_by_email ON findable USING gin (email gin_trgm_ops);
CREATE INDEX findable_by_phone ON findable (phone text_pattern_ops);

-- Two cases whose patients may be one person. A person decides; the newest decision counts.
CREATE TABLE possible_duplicates (
    later     uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    earlier   uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    name      real NOT NULL CHECK (name BETWEEN 0 AND 1),
    born      text NOT NULL,
    score     real NOT NULL CHECK (score BETWEEN 0 AND 1),
    found_at  timestamptz NOT NULL,
    state     text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'merged', 'apart')),
    PRIMARY KEY (later, earlier),
    CHECK (later <> earlier)
);
CREATE INDEX possible_duplicates_by_earlier ON possible_duplicates (earlier);

CREATE TABLE duplicate_decisions (
    decision_id uuid PRIMARY KEY,
    later       uuid NOT NULL,
    earlier     uuid NOT NULL,
    decision    text NOT NULL CHECK (decision IN ('merged', 'apart', 'reopened')),
    kept        uuid,
    reason      text NOT NULL CHECK (reason <> ''),
    decided_by  text NOT NULL,
    decided_at  timestamptz NOT NULL,
    FOREIGN KEY (later, earlier) REFERENCES possible_duplicates ON DELETE CASCADE,
    CHECK ((decision = 'merged') = (kept IS NOT NULL)),
    CHECK (kept IN (later, earlier))
);
CREATE INDEX duplicate_decisions_by_pair ON duplicate_decisions (later, earlier, decided_at);

-- Cases that were here before: compared by the worker, one after the other.
INSERT INTO timers (case_id, name, due) SELECT case_id, 'compare_patient', now() FROM cases;
