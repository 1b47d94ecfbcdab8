CREATE TABLE heard (id bigint GENERATED ALWAYS AS IDENTITY, case_id uuid NOT NULL, what text NOT NULL);
