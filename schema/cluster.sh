# shellcheck shell=sh
# What schema/cluster and schema/postgres0 have in common. They source it with `here` (this directory) and `data` (the
# cluster's) set, and bring `administer DATABASE …`: psql as the administrator.

fail() { # fail SENTENCE [CODE]
    echo "$(basename "$0"): $1" >&2
    exit "${2:-1}"
}

# Where PostgreSQL's programs are: of the version that made the data; for new data, of the newest.
programs() {
    if [ -e "$data/PG_VERSION" ]; then
        set -- "$(cat "$data/PG_VERSION")"
        [ -x "/usr/lib/postgresql/$1/bin/postgres" ] ||
            fail "$data was made by PostgreSQL $1, which is not installed; nothing was touched.\
 Here is: $(cd /usr/lib/postgresql && echo *)."
        echo "/usr/lib/postgresql/$1/bin"
    else
        set -- "$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t / -k 5 -n | tail -n 1)"
        [ -x "$1/initdb" ] || fail "there is no initdb under /usr/lib/postgresql: install PostgreSQL's server."
        echo "$1"
    fi
}

# Make a cluster, in UTF8, as $data.new: it is moved to its place when it is complete, so that there is a whole one or none.
initialize() { # initialize LOG OPTION…
    log=$1
    shift
    bin=$(programs)
    rm -rf "$data.new"
    "$bin/initdb" -D "$data.new" --encoding UTF8 "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        fail "initdb failed; the lines above say why."
    }
}

# The roles, and the database NAME for the owner, as far as they are missing.
make_database() { # make_database NAME
    administer postgres -f "$here/roles.sql"
    administer postgres -v name="$1" <<'SQL'
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO purser_owner;
SQL
    administer "$1" -f "$here/database.sql"
}
