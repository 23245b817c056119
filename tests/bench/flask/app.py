"""The stack that Purser takes the place of: one file of Flask over a psycopg2 pool of 20, as such an application is
written, with lookups by primary key. tuned.py is the same with what else could be squeezed out of it.
"""

import os
import time

from flask import Flask, abort, jsonify, request
from psycopg2.pool import ThreadedConnectionPool

KEYS = ("uuid", "survived", "passengerClass", "name", "sex", "age",
        "siblingsOrSpousesAboard", "parentsOrChildrenAboard", "fare")
COLUMNS = ("uuid::text, survived, passenger_class, name, sex, age, "
           "siblings_or_spouses_aboard, parents_or_children_aboard, fare")
SQL = {
    "get": f"SELECT {COLUMNS} FROM passengers WHERE uuid = %s",
    "list": f"SELECT {COLUMNS} FROM passengers",
    "create": f"""INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,
                      siblings_or_spouses_aboard, parents_or_children_aboard, fare)
                  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {COLUMNS}""",
}

app = Flask(__name__)
pool = None


def open_pool(kind=ThreadedConnectionPool):
    """Called by gunicorn in each worker: a connection can't be shared over a fork."""
    global pool
    pool = kind(1, 20, os.environ["DATABASE_URL"])


def query(name, values=()):
    connection = pool.getconn()
    try:
        with connection, connection.cursor() as cursor:  # commits
            cursor.execute(SQL[name], values)
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
    rows = query("get", (str(key),))
    return jsonify(rows[0]) if rows else abort(404)


@app.get("/passengerlist")
def list_passengers():
    return jsonify(query("list"))


@app.post("/postpassenger")
def post_passenger():
    body = request.get_json()
    return jsonify(query("create", [new_uuid()] + [body[key] for key in KEYS[1:]]))
