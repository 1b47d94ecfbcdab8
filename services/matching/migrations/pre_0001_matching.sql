-- What matching keeps: cases that wait for a specialist, the roster, offers, assignments, opinions and who received them.

-- One row per case, from whichever fact comes first; a column stays empty until its fact is in.
CREATE TABLE cases_in_matching (
    case_id           uuid PRIMARY KEY,
    case_number       text,
    programme_id      text,
    programme_version integer,
    services          text[],
    complete_at       timestamptz,
    target_from       timestamptz,
    target_to         timestamptz,
    withdrawn_at      timestamptz,
    CHECK ((complete_at IS NULL) = (services IS NULL)),
    CHECK ((complete_at IS NULL) = (target_to IS NULL))
);

CREATE TABLE specialists (
    id                    uuid    PRIMARY KEY,
    subject               text    NOT NULL UNIQUE,
    name                  text    NOT NULL,
    credentials           text    NOT NULL,
    discipline            text    NOT NULL CHECK (discipline IN ('oncology', 'pathology', 'radiology', 'integrative')),
    subspecialties        text[]  NOT NULL,
    languages             text[]  NOT NULL,
    capacity              integer NOT NULL CHECK (capacity >= 0),
    other_work            integer NOT NULL CHECK (other_work >= 0),  -- places taken by work outside this product
    conflict_institutions text[]  NOT NULL,
    conflict_physicians   text[]  NOT NULL,
    conflict_relations    text[]  NOT NULL,
    active                boolean NOT NULL
);

-- The shortlist of a case, best first: one is on offer at a time, the next ones wait.
CREATE TABLE offers (
    id            uuid        PRIMARY KEY,
    case_id       uuid        NOT NULL REFERENCES cases_in_matching,
    discipline    text        NOT NULL,
    specialist_id uuid        NOT NULL REFERENCES specialists,
    rank          integer     NOT NULL CHECK (rank > 0),
    state         text        NOT NULL CHECK (state IN ('waiting', 'offered', 'accepted', 'declined', 'expired', 'cancelled')),
    reasons       jsonb       NOT NULL,  -- why this specialist: the record of the choice, without any diagnosis
    chosen_by     text        NOT NULL,
    chosen_at     timestamptz NOT NULL,
    expires_at    timestamptz,
    decided_at    timestamptz,
    reason        text        NOT NULL DEFAULT '',
    CHECK (state <> 'offered' OR expires_at IS NOT NULL),
    CHECK (state NOT IN ('accepted', 'declined', 'expired', 'cancelled') OR decided_at IS NOT NULL),
    CHECK (state <> 'declined' OR reason <> '')
);
CREATE UNIQUE INDEX offers_one_at_a_time ON offers (case_id, discipline) WHERE state IN ('offered', 'accepted');
CREATE INDEX offers_by_case ON offers (case_id, rank);
CREATE INDEX offers_by_specialist ON offers (specialist_id, state);

CREATE TABLE assignments (
    id            uuid        PRIMARY KEY,
    case_id       uuid        NOT NULL REFERENCES cases_in_matching,
    discipline    text        NOT NULL,
    specialist_id uuid        NOT NULL REFERENCES specialists,
    offer_id      uuid        NOT NULL UNIQUE REFERENCES offers,
    declaration   text        NOT NULL CHECK (declaration <> ''),  -- the wording agreed to (M9)
    accepted_at   timestamptz NOT NULL,
    ended_at      timestamptz,
    UNIQUE (case_id, discipline)
);
CREATE INDEX assignments_by_specialist ON assignments (specialist_id) WHERE ended_at IS NULL;

-- A version of the opinion. A correction is a new version; a signed one never changes.
CREATE TABLE opinions (
    id             uuid        PRIMARY KEY,
    case_id        uuid        NOT NULL REFERENCES cases_in_matching,
    version        integer     NOT NULL CHECK (version > 0),
    author_id      uuid        NOT NULL REFERENCES specialists,
    state          text        NOT NULL CHECK (state IN ('draft', 'signed', 'closed')),
    revision       integer     NOT NULL CHECK (revision > 0),  -- counts edits of the draft, for If-Match
    received       text        NOT NULL DEFAULT '',
    history        text        NOT NULL DEFAULT '',
    assessment     text        NOT NULL DEFAULT '',
    plan           text        NOT NULL DEFAULT '',
    limits         text        NOT NULL DEFAULT '',
    correction     text        NOT NULL DEFAULT '',  -- why there is another version
    updated_at     timestamptz NOT NULL,
    signed_name    text,
    signed_at      timestamptz,
    sha256         text,        -- of the document, once it is made
    file           text,
    delivered_at   timestamptz,
    UNIQUE (case_id, version),
    CHECK (version = 1 OR correction <> ''),
    CHECK ((state = 'signed') = (signed_at IS NOT NULL AND signed_name IS NOT NULL)),
    CHECK ((sha256 IS NULL) = (file IS NULL) AND (sha256 IS NULL OR state = 'signed')),
    CHECK (delivered_at IS NULL OR sha256 IS NOT NULL)
);
CREATE UNIQUE INDEX opinions_one_draft ON opinions (case_id) WHERE state = 'draft';

-- The question ledger of a version (M10). The question's own words are kept when it is signed.
CREATE TABLE answers (
    opinion_id  uuid    NOT NULL REFERENCES opinions,
    question_id text    NOT NULL,
    position    integer NOT NULL,
    question    text,
    outcome     text CHECK (outcome IN ('answered', 'declined', 'redirected')),
    text        text    NOT NULL,
    PRIMARY KEY (opinion_id, question_id)
);

CREATE TABLE deliveries (
    opinion_id   uuid        NOT NULL REFERENCES opinions,
    audience     text        NOT NULL CHECK (audience IN ('patient', 'local_physician')),
    available_at timestamptz NOT NULL,
    PRIMARY KEY (opinion_id, audience)
);

-- The first time that somebody opened the document.
CREATE TABLE receipts (
    opinion_id uuid        NOT NULL REFERENCES opinions,
    audience   text        NOT NULL,
    subject    text        NOT NULL,
    opened_at  timestamptz NOT NULL,
    PRIMARY KEY (opinion_id, audience, subject)
);

CREATE FUNCTION keep_signed_opinion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an opinion is never deleted';
    END IF;
    IF OLD.state = 'signed' AND (
        to_jsonb(NEW) - '{sha256,file,delivered_at}'::text[] <> to_jsonb(OLD) - '{sha256,file,delivered_at}'::text[]
        OR (OLD.sha256 IS NOT NULL AND (NEW.sha256, NEW.file) IS DISTINCT FROM (OLD.sha256, OLD.file))
        OR (OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS DISTINCT FROM OLD.delivered_at)
    ) THEN
        RAISE EXCEPTION 'a signed opinion never changes: a correction is a new version';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER signed_opinion_is_kept BEFORE UPDATE OR DELETE ON opinions
    FOR EACH ROW EXECUTE FUNCTION keep_signed_opinion();

CREATE FUNCTION keep_signed_answers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM opinions WHERE id = COALESCE(NEW.opinion_id, OLD.opinion_id) AND state = 'signed') THEN
        RAISE EXCEPTION 'the answers of a signed opinion never change';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER signed_answers_are_kept BEFORE INSERT OR UPDATE OR DELETE ON answers
    FOR EACH ROW EXECUTE FUNCTION keep_signed_answers();
