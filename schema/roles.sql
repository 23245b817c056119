-- Run once by an administrator, in any database of the cluster: the owner migrates, the worker reads and writes rows.
-- Running it again changes nothing. Passwords are the administrator's to set (ALTER ROLE … PASSWORD), where the way in
-- asks for one.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'purser_owner') THEN
        CREATE ROLE purser_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'purser_worker') THEN
        CREATE ROLE purser_worker LOGIN;
    END IF;
END
$$;
