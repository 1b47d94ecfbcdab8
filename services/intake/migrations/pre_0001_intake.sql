-- Intake's own tables. Personal data lives here and nowhere else in the platform.

CREATE TABLE cases (
    case_id                  uuid PRIMARY KEY,
    case_number              text NOT NULL UNIQUE,
    version                  integer NOT NULL DEFAULT 1,
    programme_id             text NOT NULL,
    programme_version        integer NOT NULL,
    path                     text NOT NULL CHECK (path IN ('new_patient', 'referral')),
    stream                   text NOT NULL CHECK (stream IN ('remote', 'in_person')),
    channel                  text NOT NULL CHECK (channel IN ('web', 'phone', 'email', 'fax', 'post', 'courier')),
    entered_by               text,
    locale                   text NOT NULL,
    contact                  text NOT NULL CHECK (contact IN ('requester', 'patient')),
    cancer_type              text NOT NULL,
    surgery                  text NOT NULL CHECK (surgery IN ('yes', 'no', 'unsure')),
    story                    text,
    reasons                  text[] NOT NULL CHECK (cardinality(reasons) BETWEEN 1 AND 8),
    interests                text[] NOT NULL,
    emergency_notice_version text NOT NULL,
    submitted_at             timestamptz NOT NULL,
    contact_due_at           timestamptz NOT NULL,
    contacted_at             timestamptz,
    contacted_by             text,
    confirmed_at             timestamptz,
    withdrawn_at             timestamptz,
    withdrawn_by             text CHECK (withdrawn_by IN ('patient', 'staff')),
    withdrawal_reason        text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK ((channel = 'web') = (entered_by IS NULL))
);
CREATE INDEX cases_newest_first ON cases (submitted_at DESC);

-- The patient, who asks, and the doctor at home; the requester need not be the patient (R9).
CREATE TABLE people (
    case_id      uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    role         text NOT NULL CHECK (role IN ('patient', 'requester', 'local_physician')),
    name         text NOT NULL,
    email        text,
    phone        text,
    country      text,
    birth_date   date,
    sex          text,
    languages    text[],
    relationship text,
    authority    text,
    asks_as      text CHECK (asks_as IN ('patient', 'caregiver', 'family', 'clinician')),
    institution  text,
    PRIMARY KEY (case_id, role),
    CHECK (role <> 'requester' OR (email IS NOT NULL AND authority IS NOT NULL AND asks_as IS NOT NULL)),
    CHECK (role <> 'patient' OR (birth_date IS NOT NULL AND country IS NOT NULL AND sex IS NOT NULL AND languages IS NOT NULL))
);
CREATE INDEX people_by_email ON people (lower(email), role);

CREATE TABLE questions (
    question_id uuid PRIMARY KEY,
    case_id     uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    position    integer NOT NULL,
    text        text NOT NULL,
    UNIQUE (case_id, position)
);

CREATE TABLE consents (
    case_id       uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    version       text NOT NULL,
    signed_name   text NOT NULL,
    organisations text[] NOT NULL CHECK (cardinality(organisations) = 2),
    locale        text NOT NULL,
    signed_at     timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    PRIMARY KEY (case_id, version)
);

-- Every revision is kept; at most one per case waits for an answer.
CREATE TABLE quotes (
    quote_id     uuid NOT NULL,
    revision     integer NOT NULL CHECK (revision > 0),
    case_id      uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    services     text[] NOT NULL CHECK (cardinality(services) > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    note         text NOT NULL,
    offered_at   timestamptz NOT NULL,
    valid_until  timestamptz NOT NULL CHECK (valid_until > offered_at),
    offered_by   text NOT NULL,
    state        text NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'superseded', 'expired', 'withdrawn')),
    settled_at   timestamptz,
    PRIMARY KEY (quote_id, revision),
    CHECK ((state = 'open') = (settled_at IS NULL))
);
CREATE UNIQUE INDEX quotes_one_open ON quotes (case_id) WHERE state = 'open';
CREATE INDEX quotes_by_case ON quotes (case_id, offered_at DESC);

CREATE TABLE stream_moves (
    case_id   uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    moved_at  timestamptz NOT NULL,
    moved_to  text NOT NULL CHECK (moved_to IN ('remote', 'in_person')),
    reason    text NOT NULL CHECK (reason <> ''),
    moved_by  text NOT NULL,
    PRIMARY KEY (case_id, moved_at)
);

-- What other services told us; no reference to cases, because facts arrive in any order.
CREATE TABLE progress (
    case_id      uuid PRIMARY KEY,
    paid_at      timestamptz,
    delivered_at timestamptz
);

-- A magic link: only the hash of its token is kept; it works once.
CREATE TABLE links (
    token_hash bytea PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    audience   text NOT NULL CHECK (audience IN ('patient', 'requester', 'local_physician')),
    path       text NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX links_by_case ON links (case_id);

-- A request being written. Its id becomes the case's id, so sending it twice makes one case.
CREATE TABLE drafts (
    draft_id   uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    programme  text NOT NULL,
    channel    text NOT NULL,
    entered_by text,
    answers    jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL
);

-- Someone asked for a sign-in link. Answered by a timer, so the page does the same work for a stranger as for a patient.
CREATE TABLE sign_in_attempts (
    attempt_id  uuid PRIMARY KEY,
    email       text NOT NULL,
    case_number text NOT NULL,
    asked_at    timestamptz NOT NULL
);

-- Derived by streams.py, and rebuilt by it: nothing here is a source of truth.
CREATE TABLE view_funnel (
    case_id uuid PRIMARY KEY,
    stage   text NOT NULL,
    rank    smallint NOT NULL,
    since   timestamptz NOT NULL,
    as_of   timestamptz NOT NULL
);
CREATE INDEX view_funnel_by_stage ON view_funnel (stage, since);
CREATE TABLE view_funnel_heartbeat (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    as_of    timestamptz NOT NULL
);
