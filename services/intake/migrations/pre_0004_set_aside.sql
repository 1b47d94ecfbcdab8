-- A form in which the field that no person sees was filled in. When it is sent, it is set aside for staff to look at.
ALTER TABLE drafts ADD COLUMN caught_at timestamptz;

-- What was set aside; to whoever sent it, it was received. Staff let it in, as the case that it would have been, or erase it.
CREATE TABLE set_aside (
    case_id           uuid PRIMARY KEY,
    case_number       text NOT NULL UNIQUE,
    programme_id      text NOT NULL,
    programme_version integer NOT NULL,
    request           jsonb,
    received_at       timestamptz NOT NULL,
    contact_due_at    timestamptz NOT NULL,
    state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'let_in', 'erased')),
    decided_by        text,
    decided_at        timestamptz,
    CHECK ((state = 'open') = (request IS NOT NULL)),
    CHECK ((state = 'open') = (decided_by IS NULL AND decided_at IS NULL))
);
