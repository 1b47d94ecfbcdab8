-- Records: what was asked for, what came, who decided what about it, and who read it (R22-R29, M3).

CREATE TABLE case_managers (
    subject text PRIMARY KEY CHECK (subject <> ''),
    name text NOT NULL CHECK (name <> ''),
    languages text[] NOT NULL,
    active boolean NOT NULL
);

-- One row a case, made by whichever of its facts comes first: facts of different owners have no order.
CREATE TABLE collections (
    case_id uuid PRIMARY KEY,
    case_number text,
    programme_id text,
    programme_version integer,
    services text[] NOT NULL DEFAULT '{}',
    languages text[],
    read_revision integer NOT NULL DEFAULT 0,  -- the confirmation for which the patient's request was read
    manager text REFERENCES case_managers,
    opened_at timestamptz,
    completed_at timestamptz,
    target_from timestamptz,
    target_to timestamptz,
    delivered_at timestamptz,
    withdrawn_at timestamptz,
    CHECK ((programme_id IS NULL) = (programme_version IS NULL)),
    CHECK (opened_at IS NULL OR (manager IS NOT NULL AND programme_id IS NOT NULL)),
    CHECK (completed_at IS NULL OR (opened_at IS NOT NULL AND target_from <= target_to))
);
CREATE INDEX collections_of_manager ON collections (manager) WHERE opened_at IS NOT NULL;

CREATE TABLE confirmations (
    case_id uuid NOT NULL REFERENCES collections,
    revision integer NOT NULL CHECK (revision > 0),
    quote_id uuid NOT NULL,
    services text[] NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, revision)
);

CREATE TABLE payments (
    case_id uuid NOT NULL REFERENCES collections,
    revision integer NOT NULL CHECK (revision > 0),
    quote_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, revision)
);

CREATE TABLE items (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    code text NOT NULL,
    titles jsonb NOT NULL,
    hints jsonb NOT NULL,
    kind text NOT NULL CHECK (kind IN ('document', 'imaging', 'slides', 'form')),
    needed boolean NOT NULL,
    position integer NOT NULL,
    revision integer NOT NULL,
    state text NOT NULL DEFAULT 'needed' CHECK (state IN ('needed', 'uploaded', 'accepted', 'returned', 'waived')),
    decided_by text,
    decided_by_name text,
    decided_at timestamptz,
    reason text,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (case_id, code),
    CHECK ((state IN ('accepted', 'returned', 'waived'))
        = (decided_by IS NOT NULL AND decided_by_name IS NOT NULL AND decided_at IS NOT NULL)),
    CHECK (state NOT IN ('returned', 'waived') OR btrim(coalesce(reason, '')) <> '')
);

-- Every decision that was ever taken, waivers by name among them; rows are only added.
CREATE TABLE item_decisions (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    item_id uuid NOT NULL REFERENCES items,
    state text NOT NULL CHECK (state IN ('accepted', 'returned', 'waived')),
    reason text,
    decided_by text NOT NULL,
    decided_by_name text NOT NULL,
    decided_at timestamptz NOT NULL
);
CREATE INDEX item_decisions_of_item ON item_decisions (item_id, id);
CREATE VIEW waivers AS SELECT * FROM item_decisions WHERE state = 'waived';

-- Written before the first byte, deleted when the document's row commits: what stays here is swept from the store.
CREATE TABLE uploads (
    object_key text PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    started_at timestamptz NOT NULL
);
CREATE INDEX uploads_by_age ON uploads (started_at);

CREATE TABLE documents (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    item_id uuid NOT NULL REFERENCES items,
    object_key text NOT NULL UNIQUE,
    name text NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    media_type text NOT NULL,
    pages integer CHECK (pages > 0),
    language text,
    translation_of uuid REFERENCES documents,
    name_matches boolean,
    birth_date_matches boolean,
    identity_by text,
    identity_by_name text,
    identity_at timestamptz,
    set_aside boolean NOT NULL DEFAULT false,
    uploaded_by text NOT NULL,
    uploaded_by_name text NOT NULL,
    uploaded_at timestamptz NOT NULL,
    CHECK (translation_of <> id),
    CHECK (translation_of IS NULL OR language = 'en'),
    CHECK (num_nulls(name_matches, birth_date_matches, identity_by, identity_by_name, identity_at) IN (0, 5))
);
CREATE INDEX documents_of_case ON documents (case_id, item_id);

CREATE TABLE slide_shipments (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    leg text NOT NULL CHECK (leg IN ('to_laboratory', 'home')),
    courier text NOT NULL,
    tracking text NOT NULL,
    expected_slides integer NOT NULL CHECK (expected_slides >= 0),
    expected_blocks integer NOT NULL CHECK (expected_blocks >= 0),
    packed_by text NOT NULL,
    packed_by_name text NOT NULL,
    packed_at timestamptz NOT NULL,
    counted_slides integer CHECK (counted_slides >= 0),
    counted_blocks integer CHECK (counted_blocks >= 0),
    counted_by text,
    counted_by_name text,
    counted_at timestamptz,
    CHECK (expected_slides + expected_blocks > 0),
    CHECK (num_nulls(counted_slides, counted_blocks, counted_by, counted_by_name, counted_at) IN (0, 5))
);
CREATE INDEX slide_shipments_of_case ON slide_shipments (case_id, packed_at);

CREATE TABLE summaries (
    case_id uuid NOT NULL REFERENCES collections,
    version integer NOT NULL CHECK (version > 0),
    text text NOT NULL,
    written_by text NOT NULL,
    written_by_name text NOT NULL,
    written_at timestamptz NOT NULL,
    signed_by text,
    signed_by_name text,
    signed_at timestamptz,
    PRIMARY KEY (case_id, version),
    CHECK (num_nulls(signed_by, signed_by_name, signed_at) IN (0, 3)),
    CHECK (signed_by IS NULL OR btrim(text) <> '')
);

-- The specialist who accepted the case may read it; the subject is learnt from matching afterwards.
CREATE TABLE reader_grants (
    case_id uuid NOT NULL REFERENCES collections,
    assignment_id uuid NOT NULL,
    specialist_id uuid NOT NULL,
    subject text,
    granted_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (case_id, assignment_id)
);

CREATE TABLE document_reads (
    id uuid PRIMARY KEY,
    document_id uuid NOT NULL REFERENCES documents,
    case_id uuid NOT NULL REFERENCES collections,
    read_by text NOT NULL,
    read_by_name text NOT NULL,
    roles text[] NOT NULL,
    read_at timestamptz NOT NULL
);
CREATE INDEX document_reads_of_case ON document_reads (case_id, read_at);

-- The partner's feed: a reader sees only rows older than every transaction still open, so no row can appear behind it.
CREATE TABLE partner_feed (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    case_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (xid, id)
);
