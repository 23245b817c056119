"""app.py with all that its author could still do: autocommit (no BEGIN and COMMIT around a single statement), statements
prepared by hand once per connection, JSON without sorted keys.
"""

from psycopg2.pool import ThreadedConnectionPool

import app as plain

TYPES = {"get": "(uuid)", "list": "",
         "create": "(uuid, boolean, smallint, text, text, double precision, smallint, smallint, double precision)"}
STATEMENTS = dict(plain.SQL)


def prepare(name):
    sql = STATEMENTS[name]
    for number in range(1, sql.count("%s") + 1):
        sql = sql.replace("%s", f"${number}", 1)
    return f"PREPARE {name}_passenger {TYPES[name]} AS {sql};"


class PreparedPool(ThreadedConnectionPool):
    """A pool whose connections know the statements."""

    def _connect(self, key=None):
        connection = super()._connect(key)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("".join(map(prepare, STATEMENTS)))
        return connection


for name, statement in STATEMENTS.items():
    values = ", ".join(["%s"] * statement.count("%s"))
    plain.SQL[name] = f"EXECUTE {name}_passenger" + (f" ({values})" if values else "")

app = plain.app
app.json.sort_keys = False
app.json.compact = True


def open_pool():
    plain.open_pool(PreparedPool)
