-- What every service keeps beside its own tables: facts to tell, facts heard, and what is to be done later.

-- Facts to tell. Written in the transaction of what they tell; marked, never deleted by the relay.
CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid        NOT NULL UNIQUE,
    topic        text        NOT NULL,
    case_id      uuid        NOT NULL,
    sequence     integer     NOT NULL CHECK (sequence > 0),
    type         text        NOT NULL,
    payload      json        NOT NULL,
    traceparent  text,
    created_at   timestamptz NOT NULL,
    published_at timestamptz,
    refused      text,       -- why Kafka will never take it; the case's later facts wait behind it
    UNIQUE (case_id, topic, sequence)
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_refused ON outbox (case_id) WHERE published_at IS NULL AND refused IS NOT NULL;

-- The last sequence given out per case and topic. Its row lock makes id order the commit order within a case.
CREATE TABLE outbox_sequences (
    topic   text    NOT NULL,
    case_id uuid    NOT NULL,
    last    integer NOT NULL,
    PRIMARY KEY (case_id, topic)
);

CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wakes_relay AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();

-- Facts heard: one row each, so that none is applied twice.
CREATE TABLE inbox (
    event_id    uuid        PRIMARY KEY,
    topic       text        NOT NULL,
    case_id     uuid        NOT NULL,
    sequence    integer     NOT NULL,
    type        text        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_by_case ON inbox (case_id, topic, sequence);

-- Records that a person must look at, and those of the same case behind them, in order.
CREATE TABLE parked (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    "offset"   bigint      NOT NULL,
    key        bytea,
    value      bytea,
    headers    jsonb       NOT NULL,  -- [[name, hexadecimal bytes], …]
    type       text,
    case_id    uuid,
    behind     boolean     NOT NULL,  -- true: nothing wrong with it, an earlier record of its case is parked
    error      text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 1,
    parked_at  timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    ended      text CHECK (ended IN ('applied', 'dropped')),
    ended_by   text,
    UNIQUE (topic, partition, "offset"),
    CHECK ((ended IS NULL) = (ended_at IS NULL))
);
CREATE INDEX parked_open ON parked (key, id) WHERE ended IS NULL;

-- Deadlines: made and cancelled in the transaction of the fact that made them so.
CREATE TABLE timers (
    case_id  uuid        NOT NULL,
    name     text        NOT NULL,
    due      timestamptz NOT NULL,
    attempts integer     NOT NULL DEFAULT 0,
    error    text,
    PRIMARY KEY (case_id, name)
);
CREATE INDEX timers_due ON timers (due);

-- Work outside any transaction (mail, HTTP, documents): at least once, leased, tried again with backoff.
CREATE TABLE errands (
    id           uuid        PRIMARY KEY,
    kind         text        NOT NULL,
    key          text        NOT NULL,
    case_id      uuid        NOT NULL,
    payload      jsonb       NOT NULL,
    traceparent  text,
    attempts     integer     NOT NULL DEFAULT 0,
    due          timestamptz NOT NULL,
    requested_at timestamptz NOT NULL,
    done_at      timestamptz,
    error        text,
    UNIQUE (kind, key)
);
CREATE INDEX errands_due ON errands (due) WHERE done_at IS NULL;

CREATE FUNCTION wake_runner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('runner', '');
    RETURN NULL;
END $$;
CREATE TRIGGER errands_wake_runner AFTER INSERT ON errands FOR EACH STATEMENT EXECUTE FUNCTION wake_runner();
CREATE TRIGGER timers_wake_runner AFTER INSERT OR UPDATE OF due ON timers FOR EACH STATEMENT EXECUTE FUNCTION wake_runner();

-- Staff queues. A change stamps (xid, change), by which followers page without ever skipping a slower transaction.
CREATE SEQUENCE queue_changes;
CREATE TABLE queue_items (
    id         uuid        PRIMARY KEY,
    queue      text        NOT NULL,
    item_key   text        NOT NULL,
    case_id    uuid        NOT NULL,
    title      text        NOT NULL,
    due        timestamptz,
    data       jsonb       NOT NULL,
    state      text        NOT NULL CHECK (state IN ('open', 'claimed', 'done')),
    claimed_by text,
    claimed_name text,
    claimed_at timestamptz,
    created_at timestamptz NOT NULL,
    xid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    change     bigint      NOT NULL DEFAULT nextval('queue_changes'),
    UNIQUE (queue, item_key),
    CHECK ((state = 'claimed') = (claimed_by IS NOT NULL))
);
CREATE INDEX queue_items_open ON queue_items (queue, due) WHERE state <> 'done';
CREATE INDEX queue_items_changes ON queue_items (queue, xid, change);
CREATE INDEX queue_items_by_case ON queue_items (case_id);

CREATE FUNCTION stamp_queue_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := pg_current_xact_id();
    NEW.change := nextval('queue_changes');
    PERFORM pg_notify('queue', NEW.queue);
    RETURN NEW;
END $$;
CREATE TRIGGER queue_item_changed BEFORE INSERT OR UPDATE ON queue_items FOR EACH ROW EXECUTE FUNCTION stamp_queue_change();

-- Answers already given, so that a request repeated with the same key changes nothing and gets the same answer.
CREATE TABLE idempotency (
    principal  text        NOT NULL,
    key        text        NOT NULL,
    route      text        NOT NULL,
    body_hash  bytea       NOT NULL,
    status     integer,
    answer     jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);

-- What each worker last said of itself; any process can answer for the service's health.
CREATE TABLE worker_reports (
    part  text        PRIMARY KEY,
    as_of timestamptz NOT NULL,
    ok    boolean     NOT NULL,
    said  jsonb       NOT NULL
);
