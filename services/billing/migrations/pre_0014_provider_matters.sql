-- Differences with the card provider that finance works off, and refunds that somebody made there (R21).

-- The same difference in every check that finds it: it stands until somebody settles it, or it is gone. ``read_from``: so far
-- back the report was read; ``difference_id``: as it was seen first.
CREATE TABLE provider_matters (
    id             uuid PRIMARY KEY,
    identity       text NOT NULL UNIQUE,
    subject        text NOT NULL,
    key            text NOT NULL,
    difference_id  uuid NOT NULL REFERENCES provider_differences,
    read_from      timestamptz NOT NULL,
    found_at       timestamptz NOT NULL,
    seen_at        timestamptz NOT NULL,
    state          text NOT NULL CHECK (state IN ('open', 'taken_in', 'settled', 'gone'))
);
CREATE INDEX provider_matters_open ON provider_matters (found_at, id) WHERE state = 'open';
CREATE INDEX provider_matters_ended ON provider_matters (seen_at DESC, id DESC) WHERE state <> 'open';

-- What became of a matter, step by step. Written once.
CREATE TABLE provider_matter_steps (
    id         uuid PRIMARY KEY,
    matter_id  uuid NOT NULL REFERENCES provider_matters,
    step       text NOT NULL CHECK (step IN ('found', 'found_again', 'taken_in', 'settled', 'opened_again', 'gone')),
    at         timestamptz NOT NULL,
    by         text NOT NULL,
    reason     text NOT NULL,
    CHECK (reason <> '' OR step IN ('found', 'found_again', 'gone'))
);
CREATE INDEX provider_matter_steps_of_matter ON provider_matter_steps (matter_id, id);

-- Differences that were kept before there were matters have none.
ALTER TABLE provider_differences ADD COLUMN identity text;

-- The provider's name of a refund that somebody made there: booked once.
ALTER TABLE refunds ADD COLUMN at_provider text UNIQUE;
