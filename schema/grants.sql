-- The rights of the workers' role; run after the migrations each time, so that a role made later gets them too.
-- Without such a role (one user for everything) there is nothing to grant. A table that is not there yet is left out: a
-- backup may be older than it, and the migration that makes it is followed by this again.
DO $$
DECLARE
    name text;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'purser_worker') THEN
        FOREACH name IN ARRAY ARRAY['passengers', 'employees', 'ledger'] LOOP
            IF to_regclass(name) IS NOT NULL THEN
                EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO purser_worker', name);
            END IF;
        END LOOP;
        GRANT SELECT ON purser_migrations TO purser_worker;
    END IF;
END
$$;
