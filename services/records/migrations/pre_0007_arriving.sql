-- A folder comes file by file (R23, R25): it has no verdict before all of it is here, or nothing more comes.

ALTER TABLE documents
    ADD COLUMN came integer,      -- of a folder: how many of its files came
    ADD COLUMN expected integer,  -- and how many its sender said it has; NULL: they didn't
    ADD COLUMN arrival text CHECK (arrival IN ('arriving', 'whole', 'broken_off')),
    ADD COLUMN arriving_until timestamptz,  -- when it is taken to be all there is, unless more comes
    ADD CONSTRAINT documents_arriving_check CHECK ((arriving_until IS NOT NULL) = (arrival IS NOT DISTINCT FROM 'arriving'));
CREATE INDEX documents_arriving ON documents (case_id) WHERE arrival = 'arriving';

ALTER TABLE incoming ADD COLUMN folder_files integer CHECK (folder_files > 0);
