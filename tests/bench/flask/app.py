"""The seeds' stack at its best: one file of Flask over a psycopg2 pool of 20, lookups by primary key.

What a careful author would add to the description is here: connections open once, autocommit (no BEGIN and COMMIT
around a single statement), statements prepared once per connection, JSON without spaces or sorted keys.
"""

import os
import time

from flask import Flask, abort, jsonify, request
from psycopg2.pool import ThreadedConnectionPool

KEYS = ("uuid", "survived", "passengerClass", "name", "sex", "age",
        "siblingsOrSpousesAboard", "parentsOrChildrenAboard", "fare")
COLUMNS = ("uuid::text, survived, passenger_class, name, sex, age, "
           "siblings_or_spouses_aboard, parents_or_children_aboard, fare")
PREPARE = f"""
    PREPARE get (uuid) AS SELECT {COLUMNS} FROM passengers WHERE uuid = $1;
    PREPARE list AS SELECT {COLUMNS} FROM passengers;
    PREPARE make (uuid, boolean, smallint, text, text, double precision, smallint, smallint, double precision) AS
        INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,
            siblings_or_spouses_aboard, parents_or_children_aboard, fare)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {COLUMNS};
"""


class PreparedPool(ThreadedConnectionPool):
    """A pool whose connections know the statements."""

    def _connect(self, key=None):
        connection = super()._connect(key)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(PREPARE)
        return connection


app = Flask(__name__)
app.json.sort_keys = False
app.json.compact = True
pool = None


def open_pool():
    """Called by gunicorn in each worker: a connection can't be shared over a fork."""
    global pool
    pool = PreparedPool(1, 20, os.environ["DATABASE_URL"])


def query(sql, values=()):
    connection = pool.getconn()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [dict(zip(KEYS, row)) for row in cursor.fetchall()]
    finally:
        pool.putconn(connection)


def new_uuid():
    """A UUIDv7: ordered by time, so that the index grows at its end, as purser's does."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(3 << 62) | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@app.get("/getpassenger/<uuid:key>")
def get_passenger(key):
    rows = query("EXECUTE get (%s)", (str(key),))
    return jsonify(rows[0]) if rows else abort(404)


@app.get("/passengerlist")
def list_passengers():
    return jsonify(query("EXECUTE list"))


@app.post("/postpassenger")
def post_passenger():
    body = request.get_json()
    values = [new_uuid()] + [body[key] for key in KEYS[1:]]
    return jsonify(query("EXECUTE make (%s, %s, %s, %s, %s, %s, %s, %s, %s)", values))
