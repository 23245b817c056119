-- Employees. An e-mail address is one employee's whatever its case; addresses are ASCII, so "C" compares them all.
CREATE TABLE employees (
    id uuid PRIMARY KEY,
    name text NOT NULL
        CONSTRAINT employees_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    age smallint NOT NULL
        CONSTRAINT employees_age_check CHECK (age BETWEEN 0 AND 150),
    email text COLLATE "C" NOT NULL
        CONSTRAINT employees_email_check CHECK (char_length(email) BETWEEN 3 AND 254),
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    version bigint NOT NULL DEFAULT 1,
    written_by uuid
);

CREATE UNIQUE INDEX employees_email_key ON employees (lower(email));
