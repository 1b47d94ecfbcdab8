-- Collecting (R22, R23): what each line says of itself, how fresh it must be, who has it, and who may send it.

ALTER TABLE items
    ADD COLUMN about jsonb NOT NULL DEFAULT '{}',  -- why, way, without, request: each in every language of the programme
    ADD COLUMN asked text NOT NULL DEFAULT 'patient' CHECK (asked IN ('patient', 'local_physician', 'provider')),
    ADD COLUMN max_age interval,
    ADD COLUMN applies boolean NOT NULL DEFAULT true,  -- false: somebody said that such a thing doesn't exist
    ADD COLUMN never_made boolean NOT NULL DEFAULT false,  -- what the patient's side says of it
    ADD COLUMN lapsed_on date,  -- the day of what was accepted and has become too old
    ADD COLUMN waiting_since timestamptz NOT NULL DEFAULT now();
ALTER TABLE documents ADD COLUMN dated_on date;  -- the day of the examination or letter; unsaid, the day it came counts
ALTER TABLE collections ADD COLUMN said jsonb NOT NULL DEFAULT '{}';  -- answers to the programme's questions of history

-- Hospitals and practices that have something: a case may have several.
CREATE TABLE providers (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    name text NOT NULL CHECK (btrim(name) <> ''),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    contact text NOT NULL,
    language text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE INDEX providers_of_case ON providers (case_id, added_at);
CREATE TABLE item_providers (
    item_id uuid NOT NULL REFERENCES items,
    provider_id uuid NOT NULL REFERENCES providers,
    PRIMARY KEY (item_id, provider_id)
);

-- People whom the patient's side lets in to help: by a link whose secret is worked out, not stored, until it is taken back.
CREATE TABLE helpers (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    name text NOT NULL CHECK (btrim(name) <> ''),
    relation text NOT NULL CHECK (relation IN ('spouse', 'parent', 'child', 'sibling', 'other_family', 'friend')),
    authority text NOT NULL CHECK (authority IN ('sends', 'acts')),
    invited_by text NOT NULL,
    invited_by_name text NOT NULL,
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    came_at timestamptz,
    revoked_at timestamptz,
    revoked_by_name text,
    CHECK (num_nulls(revoked_at, revoked_by_name) IN (0, 2))
);
CREATE INDEX helpers_of_case ON helpers (case_id, invited_at);

-- What happened to the case and who did it; rows are only added.
CREATE TABLE case_history (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES collections,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    by_name text,  -- NULL: nobody did it, time did
    item_id uuid REFERENCES items,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX case_history_of_case ON case_history (case_id, at, id);
