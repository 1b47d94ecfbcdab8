-- What notify owns: the facts of each case as they came, and what became of each message.
-- No address, no name, no text of a message is ever written here: those belong to intake, and are asked for when a
-- message is sent. A test plants canary names and reads every column of this database.

CREATE TABLE timeline_facts (
    case_id      uuid        NOT NULL,
    fact         text        NOT NULL,
    identity     text        NOT NULL,
    payload      jsonb       NOT NULL,
    happened_at  timestamptz NOT NULL,
    noted_at     timestamptz NOT NULL,
    PRIMARY KEY (case_id, fact, identity)
);

CREATE INDEX timeline_facts_by_kind ON timeline_facts (fact, happened_at);

CREATE TABLE messages (
    id            uuid        PRIMARY KEY,
    case_id       uuid        NOT NULL,
    kind          text        NOT NULL,
    audience      text        NOT NULL CHECK (audience IN ('patient', 'requester', 'local_physician')),
    occasion      text        NOT NULL,
    copy          integer     NOT NULL CHECK (copy >= 1),
    state         text        NOT NULL
                  CHECK (state IN ('requested', 'sending', 'sent', 'no_address', 'bounced', 'failed', 'withheld', 'called')),
    locale        text,
    message_id    text,
    smtp_code     integer     CHECK (smtp_code BETWEEN 200 AND 599),
    attempts      integer     NOT NULL DEFAULT 0,
    requested_at  timestamptz NOT NULL,
    attempted_at  timestamptz,
    settled_at    timestamptz,
    UNIQUE (case_id, kind, audience, occasion, copy)
);

CREATE INDEX messages_unsettled ON messages (state, requested_at) WHERE state IN ('no_address', 'bounced', 'failed');
CREATE INDEX messages_of_case ON messages (case_id, requested_at);
