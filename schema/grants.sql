-- The rights of the workers' role; run after the migrations each time, so that a role made later gets them too.
-- Without such a role (one user for everything) there is nothing to grant.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'purser_worker') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON passengers, employees, ledger TO purser_worker;
        GRANT SELECT ON purser_migrations TO purser_worker;
    END IF;
END
$$;
