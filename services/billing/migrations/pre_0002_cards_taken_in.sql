-- Whether a difference can be taken in by a button, or a person has to find out (R21).
ALTER TABLE provider_differences ADD COLUMN takeable boolean NOT NULL DEFAULT false;
