-- Scans of a case (R25, M7): each DICOM object by its header, the series they make, and what is wrong with them.

ALTER TABLE collections ADD COLUMN IF NOT EXISTS cancer_type text;  -- what the programme asks of scans depends on it

CREATE TABLE imaging_instances (
    document_id uuid PRIMARY KEY REFERENCES documents,
    case_id uuid NOT NULL REFERENCES collections,
    study_uid text NOT NULL,
    series_uid text NOT NULL,
    sop_uid text NOT NULL,
    number integer,
    place double precision,  -- along the normal of its stack, in millimetres
    frames integer NOT NULL CHECK (frames > 0),
    is_image boolean NOT NULL,
    likeness text NOT NULL,  -- a digest of the metadata: two copies that differ in it aren't the same
    duplicate_of uuid REFERENCES imaging_instances DEFERRABLE INITIALLY DEFERRED,
    facts jsonb NOT NULL,  -- what series are judged by
    metadata jsonb NOT NULL,  -- DICOM JSON (PS3.18 F.2)
    metadata_cut boolean NOT NULL,  -- it was too large: the file has the rest
    CHECK (duplicate_of <> document_id)
);
CREATE UNIQUE INDEX imaging_instances_by_uid ON imaging_instances (case_id, sop_uid) WHERE duplicate_of IS NULL;
CREATE INDEX imaging_instances_of_series ON imaging_instances (case_id, series_uid, number, place);

CREATE TABLE imaging_series (
    case_id uuid NOT NULL REFERENCES collections,
    series_uid text NOT NULL,
    study_uid text NOT NULL,
    facts jsonb NOT NULL,
    PRIMARY KEY (case_id, series_uid)
);

-- What the table of contents of a CD promises: series with how many objects.
CREATE TABLE imaging_listed (
    document_id uuid NOT NULL REFERENCES documents,
    case_id uuid NOT NULL REFERENCES collections,
    study_uid text NOT NULL,
    series_uid text NOT NULL,
    objects integer NOT NULL CHECK (objects > 0),
    PRIMARY KEY (document_id, study_uid, series_uid)
);
CREATE INDEX imaging_listed_of_case ON imaging_listed (case_id, series_uid);

-- Judged anew whenever something comes: uid is a series', a study's, or empty for the whole case.
CREATE TABLE imaging_defects (
    case_id uuid NOT NULL REFERENCES collections,
    flaw text NOT NULL,
    uid text NOT NULL,
    "values" jsonb NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, uid, flaw)
);

-- A series is opened image by image: one line stands for all that somebody opens of it within the hour.
ALTER TABLE document_reads ADD COLUMN series_uid text;
