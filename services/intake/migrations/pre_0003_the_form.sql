-- The form, one question a page: what a request may say beyond who and why, and how a draft is come back to.

-- As in the passport, where the name itself is in another script.
ALTER TABLE people ADD COLUMN latin_name text;

-- What a request said beside who asks and why; a case whose request said none of it has no row.
CREATE TABLE circumstances (
    case_id               uuid PRIMARY KEY REFERENCES cases ON DELETE CASCADE,
    in_hospital           text CHECK (in_hospital IN ('yes', 'no')),
    hospital              text,
    guardian_name         text,
    guardian_relationship text,
    call_zone             text,
    call_times            text[] NOT NULL DEFAULT '{}',
    interpreter           text,
    diagnosis_system      text CHECK (diagnosis_system IN ('icd10cm', 'oncotree')),
    diagnosis_code        text,
    diagnosis_title       text,
    heard_from            text,
    heard_more            text,
    CHECK ((guardian_name IS NULL) = (guardian_relationship IS NULL)),
    CHECK (num_nulls(diagnosis_system, diagnosis_code, diagnosis_title) IN (0, 3))
);

-- Who beside the requester may be told, and what.
CREATE TABLE confidants (
    case_id      uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    position     integer NOT NULL,
    name         text NOT NULL,
    relationship text,
    may_know     text[] NOT NULL CHECK (cardinality(may_know) > 0),
    PRIMARY KEY (case_id, position)
);

-- A clinician's authority to refer: which text was signed, by whom.
CREATE TABLE declarations (
    case_id     uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    version     text NOT NULL,
    signed_name text NOT NULL,
    locale      text NOT NULL,
    signed_at   timestamptz NOT NULL,
    PRIMARY KEY (case_id, version)
);

-- Where to send a link to come back by, and in which language.
ALTER TABLE drafts ADD COLUMN email text, ADD COLUMN locale text NOT NULL DEFAULT 'en';
CREATE INDEX drafts_by_email ON drafts (lower(email)) WHERE email IS NOT NULL;

-- Other browsers that go on with a draft: each came by a link. Erased with it.
CREATE TABLE draft_browsers (
    token_hash bytea PRIMARY KEY,
    draft_id   uuid NOT NULL REFERENCES drafts ON DELETE CASCADE,
    since      timestamptz NOT NULL
);
CREATE INDEX draft_browsers_by_draft ON draft_browsers (draft_id);

-- A magic link back to a draft: only the hash of its token is kept; it works once. Erased with the draft.
CREATE TABLE draft_links (
    token_hash bytea PRIMARY KEY,
    draft_id   uuid NOT NULL REFERENCES drafts ON DELETE CASCADE,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX draft_links_by_draft ON draft_links (draft_id, made_at);

-- Tumour types of OncoTree, as an operator imported them: python -m services.intake oncotree FILE
CREATE TABLE oncotree_types (
    code   text PRIMARY KEY,
    title  text NOT NULL,
    tissue text NOT NULL
);
