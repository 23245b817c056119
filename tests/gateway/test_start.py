"""Starting a worker: what is wrong with its surroundings is said in a sentence, and it does not start."""

import subprocess

import pytest
from harness.process import BINARY, environment
from harness.worker import Worker


def serve(stdin=subprocess.DEVNULL, command=("serve",), **settings):
    """What `purser serve` says when it can't; it must end by itself."""
    done = subprocess.run(
        [BINARY, *command], stdin=stdin, capture_output=True, text=True, timeout=30, env=environment(**settings), check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name, value", [
    ("PURSER_WORKER", "2"), ("PURSER_BOGUS", ""), ("PURSER_WORKERS", "x"), ("PURSER_WORKERS", "0"), ("PURSER_WORKERS", "-1"),
    ("PURSER_WORKERS", ""), ("PURSER_PORT", "70000"), ("PURSER_MAX_BODY_BYTES", "1M"), ("PURSER_DEADLINE_MS", "1.5"),
    ("PURSER_DEADLINE_MS", "99999999999999999999"), ("PURSER_DRAIN_MS", "soon"), ("PURSER_DB_READERS", "0"),
    ("PURSER_DB_WRITERS", "1000000"), ("PURSER_LOG_LEVEL", "loud"),
])  # fmt: skip
def test_wrong_setting_is_named(binary, name, value):
    code, said = serve(**{name: value})
    assert code != 0
    assert name in said


@pytest.mark.parametrize("name", ["DATABASE_URL_FILE", "DB_PASSWORD_FILE", "PGPASSWORD_FILE"])
def test_secret_that_can_not_be_read_is_named(binary, name):
    code, said = serve(DB_USERNAME="x", DB_URL="localhost", DB_NAME="x", **{name: "/nonexistent/secret"})
    assert code != 0
    assert name in said


def test_no_socket_on_standard_input(binary):
    code, said = serve(DATABASE_URL="postgresql:///x")
    assert code != 0
    assert "socket" in said


def test_unknown_command(binary):
    code, said = serve(command=["dance"])
    assert code != 0
    assert "usage: purser" in said


def test_version(binary):
    code, said = serve(command=["version"])
    assert code == 0
    assert said.strip()


def test_no_command_is_serve(database):
    with Worker(database.url, command=()) as worker:
        assert worker.request("GET", "/hello").status == 201


def test_url_from_a_file(database, tmp_path):
    """As secrets are mounted, with a newline at the end."""
    secret = tmp_path / "url"
    secret.write_text(database.url + "\n")
    with Worker(None, DATABASE_URL_FILE=secret) as worker:
        assert worker.request("GET", "/passengerlist").status == 200


def test_libpq_variables(database, cluster):
    with Worker(None, PGHOST=cluster.directory, PGDATABASE=database.name, PGUSER="purser_worker") as worker:
        assert worker.request("GET", "/passengerlist").status == 200


def test_variables_of_the_employee_app(database, cluster):
    with Worker(None, DB_URL=cluster.directory, DB_NAME=database.name, DB_USERNAME="purser_worker", DB_PASSWORD="x") as worker:
        assert worker.request("GET", "/employees/get").status == 200
