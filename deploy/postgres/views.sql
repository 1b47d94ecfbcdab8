-- Faust's role writes intake's view_* tables and nothing else. Run as the owner, after intake's migrations.
GRANT USAGE ON SCHEMA public TO consilium_intake_views;
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'view\_%' LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO consilium_intake_views', found.tablename);
    END LOOP;
END $$;
