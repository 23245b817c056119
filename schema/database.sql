-- Run once by an administrator in the new database: only its owner makes tables in it. That is how PostgreSQL 15 and later
-- are by themselves; version 14 lets everybody.
ALTER SCHEMA public OWNER TO purser_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
