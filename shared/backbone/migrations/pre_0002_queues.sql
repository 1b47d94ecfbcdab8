-- Who took work over from whom, and why.
CREATE TABLE queue_takeovers (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id         uuid        NOT NULL REFERENCES queue_items ON DELETE CASCADE,
    queue           text        NOT NULL,
    case_id         uuid        NOT NULL,
    taken_at        timestamptz NOT NULL,
    taken_by        text        NOT NULL,
    taken_by_name   text        NOT NULL,
    taken_from      text        NOT NULL,
    taken_from_name text        NOT NULL,
    reason          text        NOT NULL CHECK (reason <> '')
);
CREATE INDEX queue_takeovers_by_case ON queue_takeovers (case_id);

-- A page of a long queue is read in its order: the most urgent first, or the newest.
CREATE INDEX queue_items_in_order ON queue_items (queue, due, created_at, id) WHERE state <> 'done';
CREATE INDEX queue_items_newest ON queue_items (queue, created_at, id) WHERE state <> 'done';
