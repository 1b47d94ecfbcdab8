-- Uploads (R25, M7): files come in pieces that survive any crash, lie sealed under their case's key, and are looked at
-- before anybody but their sender sees them.

-- One data key a case, wrapped by the key-encryption key of the settings. Erasing it erases every file of the case.
CREATE TABLE case_keys (
    case_id uuid PRIMARY KEY REFERENCES collections,
    wrapped bytea,
    kek text NOT NULL,  -- which key-encryption key wraps it
    made_at timestamptz NOT NULL,
    erased_at timestamptz,
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
);

-- A file on its way in. What is listed in its segments is durable; it becomes the document of the same id when all is there.
CREATE TABLE incoming (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    item_id uuid NOT NULL REFERENCES items,
    folder_id uuid,
    path text,
    name text NOT NULL,
    size_bytes bigint CHECK (size_bytes > 0),  -- NULL: the sender didn't say
    claimed_sha256 text CHECK (claimed_sha256 ~ '^[0-9a-f]{64}$'),
    media_type text,  -- by the first bytes, once they are here
    segment_keys text[] NOT NULL DEFAULT '{}',
    segment_sizes bigint[] NOT NULL DEFAULT '{}',
    received_bytes bigint NOT NULL DEFAULT 0,
    writer uuid,  -- the one request that may add to it now; a later request takes over
    sent_by text NOT NULL,
    sent_by_name text NOT NULL,
    started_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    CHECK (cardinality(segment_keys) = cardinality(segment_sizes)),
    CHECK (size_bytes IS NULL OR received_bytes <= size_bytes)
);
CREATE INDEX incoming_of_case ON incoming (case_id, touched_at);

ALTER TABLE documents
    ADD COLUMN parent_id uuid REFERENCES documents,  -- the archive or folder it came in
    ADD COLUMN root_id uuid REFERENCES documents,    -- the top-most of those
    ADD COLUMN path text,                            -- where in there, '/' between
    ADD COLUMN verdict text NOT NULL DEFAULT 'clean' CHECK (verdict IN ('waiting', 'clean', 'quarantined', 'skipped')),
    ADD COLUMN reason text,
    ADD COLUMN scanned text,                         -- what looked for viruses; NULL: nothing did
    ADD COLUMN looked_at timestamptz,
    ADD COLUMN lease timestamptz,                    -- until then the errand leased_by looks at it
    ADD COLUMN leased_by uuid,
    ADD COLUMN told integer NOT NULL DEFAULT 0,      -- how many of an archive's files are told apart already
    ADD COLUMN contents jsonb,                       -- of an archive or folder: how many of its files are what
    ADD COLUMN claimed_sha256 text,
    ADD COLUMN segment_keys text[],
    ADD COLUMN segment_sizes bigint[],
    ADD COLUMN sealed boolean NOT NULL DEFAULT false,
    ALTER COLUMN sha256 DROP NOT NULL,
    ALTER COLUMN object_key DROP NOT NULL,
    DROP CONSTRAINT documents_size_bytes_check,
    ADD CONSTRAINT documents_size_bytes_check CHECK (size_bytes >= 0),
    ADD CONSTRAINT documents_reason_check CHECK ((reason IS NOT NULL) = (verdict IN ('quarantined', 'skipped'))),
    ADD CONSTRAINT documents_path_check CHECK ((parent_id IS NULL) = (root_id IS NULL) AND (path IS NULL OR parent_id IS NOT NULL)),
    ADD CONSTRAINT documents_sha256_clean CHECK (sha256 IS NOT NULL OR verdict <> 'clean' OR media_type = 'inode/directory');
-- What came before was measured when it came. What an old process still writes from now on is looked at like everything new.
ALTER TABLE documents ALTER COLUMN verdict SET DEFAULT 'waiting';

CREATE INDEX documents_waiting ON documents (case_id) WHERE verdict = 'waiting';
CREATE INDEX documents_of_parent ON documents (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX documents_by_content ON documents (case_id, sha256);
