-- Speaking with people: who works on a case, what was said, what is to be done, calls back, interpreters, callers' papers.

-- Colleagues at the desk, from the roster and from the first thing each does.
CREATE TABLE advisors (
    subject text PRIMARY KEY,
    name    text NOT NULL,
    active  boolean NOT NULL DEFAULT true
);

-- Who has a case. While they are away somebody acts for them.
CREATE TABLE case_advisors (
    case_id uuid PRIMARY KEY REFERENCES cases ON DELETE CASCADE,
    advisor text NOT NULL REFERENCES advisors,
    acting  text REFERENCES advisors,
    since   timestamptz NOT NULL
);
CREATE INDEX case_advisors_by_advisor ON case_advisors (advisor);

CREATE TABLE hand_overs (
    hand_over_id uuid PRIMARY KEY,
    case_id      uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('taken', 'handed_over', 'fell_to_deputy', 'given_back')),
    to_advisor   text NOT NULL REFERENCES advisors,
    words        text NOT NULL,
    made_by      text NOT NULL,
    made_at      timestamptz NOT NULL
);
CREATE INDEX hand_overs_by_case ON hand_overs (case_id);

CREATE TABLE absences (
    absence_id uuid PRIMARY KEY,
    advisor    text NOT NULL REFERENCES advisors,
    deputy     text NOT NULL REFERENCES advisors,
    starts     timestamptz NOT NULL,
    ends       timestamptz NOT NULL CHECK (ends > starts),
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL,
    began_at   timestamptz,
    ended_at   timestamptz,
    CHECK (advisor <> deputy)
);
CREATE INDEX absences_open ON absences (advisor) WHERE ended_at IS NULL;

CREATE TABLE interpreters (
    interpreter_id uuid PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    phone          text NOT NULL,
    zone           text NOT NULL,
    languages      text[] NOT NULL CHECK (cardinality(languages) > 0),
    active         boolean NOT NULL DEFAULT true,
    version        integer NOT NULL DEFAULT 1
);
CREATE INDEX interpreters_by_language ON interpreters USING gin (languages);

-- Working hours on the interpreter's own wall clock; days are 0 (Monday) to 6. An end not after the start is the next morning's.
CREATE TABLE interpreter_shifts (
    interpreter_id uuid NOT NULL REFERENCES interpreters ON DELETE CASCADE,
    position       smallint NOT NULL,
    days           smallint[] NOT NULL CHECK (cardinality(days) > 0),
    starts         time NOT NULL,
    ends           time NOT NULL,
    PRIMARY KEY (interpreter_id, position)
);

-- A call back: to the people of a case, or to somebody who has asked for nothing else yet (then without a case).
CREATE TABLE call_backs (
    call_back_id uuid PRIMARY KEY,
    case_id      uuid REFERENCES cases ON DELETE CASCADE,
    programme    text NOT NULL,
    asked_by     text NOT NULL CHECK (asked_by IN ('staff', 'patient', 'public')),
    locale       text NOT NULL,
    language     text NOT NULL,
    interpreter  boolean NOT NULL,
    phone        text NOT NULL,
    zone         text NOT NULL,
    wished_at    timestamptz NOT NULL,
    next_at      timestamptz,
    tries        smallint NOT NULL DEFAULT 0,
    state        text NOT NULL CHECK (state IN ('booked', 'reached', 'missed', 'cancelled')),
    booked_by    text,
    booked_at    timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_by     text,
    CHECK ((state = 'booked') = (next_at IS NOT NULL)),
    CHECK ((state = 'booked') = (ended_at IS NULL)),
    CHECK ((asked_by = 'staff') = (booked_by IS NOT NULL))
);
CREATE INDEX call_backs_open ON call_backs (next_at) WHERE state = 'booked';
CREATE INDEX call_backs_by_case ON call_backs (case_id);

CREATE TABLE interpreter_bookings (
    booking_id     uuid PRIMARY KEY,
    interpreter_id uuid NOT NULL REFERENCES interpreters,
    case_id        uuid REFERENCES cases ON DELETE CASCADE,
    call_back_id   uuid REFERENCES call_backs ON DELETE CASCADE,
    starts         timestamptz NOT NULL,
    ends           timestamptz NOT NULL CHECK (ends > starts),
    booked_by      text NOT NULL,
    booked_at      timestamptz NOT NULL,
    cancelled_at   timestamptz
);
CREATE INDEX interpreter_bookings_ahead ON interpreter_bookings (interpreter_id, ends) WHERE cancelled_at IS NULL;
CREATE INDEX interpreter_bookings_by_case ON interpreter_bookings (case_id);
CREATE INDEX interpreter_bookings_by_call_back ON interpreter_bookings (call_back_id);

-- Each try and each talk. A line is written once and never changed.
CREATE TABLE contacts (
    contact_id   uuid PRIMARY KEY,
    case_id      uuid REFERENCES cases ON DELETE CASCADE,
    call_back_id uuid REFERENCES call_backs ON DELETE CASCADE,
    happened_at  timestamptz NOT NULL,
    channel      text NOT NULL CHECK (channel IN ('phone', 'email', 'fax', 'post', 'courier', 'in_person')),
    direction    text NOT NULL CHECK (direction IN ('out', 'in')),
    with_whom    text NOT NULL CHECK (with_whom IN ('requester', 'patient', 'local_physician', 'other')),
    reached      boolean NOT NULL,
    words        text NOT NULL,
    written_by   text NOT NULL,
    written_at   timestamptz NOT NULL,
    CHECK (case_id IS NOT NULL OR call_back_id IS NOT NULL)
);
CREATE INDEX contacts_by_case ON contacts (case_id, happened_at);
CREATE INDEX contacts_by_call_back ON contacts (call_back_id);

CREATE TABLE notes (
    note_id    uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    words      text NOT NULL CHECK (words <> ''),
    written_by text NOT NULL,
    written_at timestamptz NOT NULL
);
CREATE INDEX notes_by_case ON notes (case_id);

CREATE TABLE tasks (
    task_id  uuid PRIMARY KEY,
    case_id  uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    what     text NOT NULL CHECK (what <> ''),
    due      timestamptz NOT NULL,
    assignee text NOT NULL REFERENCES advisors,
    acting   text REFERENCES advisors,
    made_by  text NOT NULL,
    made_at  timestamptz NOT NULL,
    state    text NOT NULL CHECK (state IN ('open', 'done', 'dropped')),
    ended_by text,
    ended_at timestamptz,
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX tasks_by_case ON tasks (case_id);
CREATE INDEX tasks_open ON tasks (assignee) WHERE state = 'open';

-- How a request that staff type reached the office, and when: the contact clock starts then. Keyed by draft, which becomes the case.
CREATE TABLE arrivals (
    draft_id     uuid PRIMARY KEY,
    channel      text NOT NULL CHECK (channel IN ('phone', 'email', 'fax', 'post', 'courier')),
    received_at  timestamptz NOT NULL,
    call_back_id uuid,
    entered_by   text NOT NULL,
    entered_at   timestamptz NOT NULL
);

-- What came on paper or by mail. The bytes lie in object storage; an object without a row here means nothing and is swept.
CREATE TABLE originals (
    original_id uuid PRIMARY KEY,
    draft_id    uuid NOT NULL,
    object_key  text NOT NULL UNIQUE,
    name        text NOT NULL,
    media_type  text NOT NULL,
    size_bytes  bigint NOT NULL CHECK (size_bytes > 0),
    sha256      text NOT NULL,
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL
);
CREATE INDEX originals_by_draft ON originals (draft_id);
CREATE TABLE original_uploads (
    upload_id  uuid PRIMARY KEY,
    object_key text NOT NULL UNIQUE
);
CREATE TABLE original_reads (
    original_id uuid NOT NULL REFERENCES originals ON DELETE CASCADE,
    read_by     text NOT NULL,
    read_at     timestamptz NOT NULL
);
CREATE INDEX original_reads_by_original ON original_reads (original_id);

-- How the consent in this version was given: read out and agreed by voice, in writing with the original, or signed later.
CREATE TABLE consent_acts (
    case_id  uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
    version  text NOT NULL,
    how      text NOT NULL CHECK (how IN ('voice', 'in_writing', 'signature')),
    taken_by text NOT NULL,
    given_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, version, how)
);
