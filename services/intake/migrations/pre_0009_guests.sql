-- People whom another service let in to help with one case (R9, R22): it knows who they are and may take that back; here
-- is only the moment of coming in. Tokens as hashes, for one use, for minutes.
CREATE TABLE guest_links (
    token_hash bytea PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    guest_id   uuid NOT NULL,
    name       text NOT NULL,
    path       text NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX guest_links_by_case ON guest_links (case_id);
