"""The database's image: from an empty volume to a database with its roles, and every start after that."""

import json
import re

import pytest
from harness import wait
from harness.engine import POSTGRES0, PURSER, docker
from harness.postgres0 import Postgres0, Volume
from harness.process import ROOT, run

LABEL = "org.opencontainers.image"
WORKER, OWNER = "worker's own", "owner's own"
PASSWORDS = {"DB_PASSWORD": WORKER, "DB_OWNER_PASSWORD": OWNER}
SECRETS = "/run/secrets/purser/worker"  # a directory of the image that only passwords go to
FILE = f"{SECRETS}/password"


@pytest.fixture
def volume():
    with Volume() as made:
        yield made


@pytest.fixture
def secrets():
    with Volume(SECRETS) as made:
        yield made


@pytest.fixture(scope="module")
def database():
    """One that runs, with the default names."""
    with Postgres0(**PASSWORDS) as running:
        yield running


def refused(*options, **settings):
    """What it says when it doesn't start, and its exit code."""
    with Postgres0(*options, ready=False, **settings) as container:
        code = container.await_end()
        return code, container.logs()


def test_the_first_start_makes_the_database_and_its_roles(database):
    assert database.sql("SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate FROM pg_database "
                        "WHERE datname = 'purser'") == "purser_owner|UTF8|C.UTF-8"
    assert database.sql("SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE rolname LIKE 'purser%' ORDER BY 1") == \
        "purser_owner|t|f\npurser_worker|t|f"
    assert database.sql("SHOW data_checksums") == "on"


def test_passwords_are_asked_for_and_kept_as_scram(database):
    assert database.login("purser_worker", WORKER).stdout == "purser_worker\n"
    assert database.login("purser_owner", OWNER).stdout == "purser_owner\n"
    for user, password in [("purser_worker", OWNER), ("purser_owner", WORKER)]:
        assert "password authentication failed" in database.login(user, password).stderr
    assert "no password supplied" in database.login("purser_worker", "").stderr
    assert database.sql("SELECT count(*) FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%'") == "2"


def test_the_administrator_has_no_way_in_but_the_socket(database):
    assert "pg_hba.conf rejects connection" in database.login("postgres0", WORKER).stderr
    assert database.sql("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'postgres0'") == "t"
    assert docker("exec", "--user", "10002", database.name, "psql", "-U", "postgres0", "purser", check=False).returncode == 2


def test_the_owner_makes_tables_and_the_worker_does_not(database):
    assert database.login("purser_owner", OWNER, "CREATE TABLE t (); DROP TABLE t").returncode == 0
    assert "permission denied for schema public" in database.login("purser_worker", WORKER, "CREATE TABLE t ()").stderr


def test_no_password_is_in_the_log_the_processes_or_their_environment(database):
    seen = database.logs() + docker("top", database.name, "-eo", "pid,args").stdout
    seen += database.exec("sh", "-c", "cat /proc/1/environ /proc/1/cmdline").stdout
    assert "PGDATA=/var/lib/purser/data" in seen and WORKER not in seen and OWNER not in seen


def test_it_listens_to_others_only_when_all_is_prepared(database):
    lines = database.logs().splitlines()
    numbers = [number for number, line in enumerate(lines) if "listening on IPv4" in line]
    prepared = [number for number, line in enumerate(lines) if "database system is shut down" in line]
    assert len(numbers) == len(prepared) == 1 and numbers > prepared


def test_the_health_check_is_postgres_own_answer(database):
    database.await_health()


def test_there_is_room_for_sixty_workers(database):
    assert int(database.sql("SHOW max_connections")) >= 60 * 4 + int(database.sql("SHOW superuser_reserved_connections"))


def test_the_image_says_what_it_is():
    config = docker("image", "inspect", "-f", "{{.Config.User}} {{.Config.StopSignal}} {{.Config.Volumes}}", POSTGRES0).stdout
    assert config == "10001:10001 SIGINT map[/var/lib/purser:{}]\n"
    labels = json.loads(docker("image", "inspect", "-f", "{{json .Config.Labels}}", POSTGRES0).stdout)
    assert labels[f"{LABEL}.title"] == "postgres0" and labels[f"{LABEL}.licenses"] == "MIT"
    revision = labels[f"{LABEL}.revision"]
    assert re.fullmatch("[0-9a-f]{40}", revision)
    at_that_commit = ["git", "-c", "safe.directory=*", "-C", ROOT, "show", f"{revision}:VERSION"]
    assert labels[f"{LABEL}.version"] == run(at_that_commit).stdout.strip()


def test_no_compiler_is_in_it(database):
    for name in ("gcc", "cc", "c++", "clang", "as", "ld", "make"):
        assert database.exec("which", name, check=False).returncode == 1, name


def test_later_starts_keep_the_data(volume):
    with Postgres0(volume=volume, **PASSWORDS) as first:
        first.sql("CREATE TABLE kept ()")
        first.sql("ALTER SYSTEM SET work_mem = '5MB'")
        assert first.stop() == 0
    volume.sh("chmod -R g+rwX .")  # as a cluster does with a volume that is to be a group's
    with Postgres0(volume=volume, **PASSWORDS) as second:
        assert second.sql("SELECT count(*) FROM kept") == "0"
        assert second.sql("SHOW work_mem") == "5MB"
        assert "Making a PostgreSQL cluster" not in second.logs()
        assert "was interrupted" not in second.logs()


def test_a_stop_with_clients_at_work_is_clean(volume):
    """It doesn't wait for them, and the next start has nothing to recover."""
    with Postgres0(volume=volume, **PASSWORDS) as database:
        docker("exec", "-d", database.name, "psql", "-d", "purser", "-c", "SELECT pg_sleep(600)")
        wait.until(lambda: database.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(6%'") == "2",
                   "a client at work")
        assert database.stop(seconds=60) == 0
        assert database.logs().count("database system is shut down") == 2


def test_what_an_exec_leaves_behind_may_die(database):
    """Process 1 inherits it, and its death is none of a PostgreSQL's own."""
    database.exec("sh", "-c", "sleep 600 >/dev/null 2>&1 &")
    database.exec("pkill", "-KILL", "-x", "sleep")
    wait.until(lambda: "sleep" not in docker("top", database.name).stdout, "the process to be gone")
    assert database.sql("SELECT 1") == "1"
    assert "terminating any other active server processes" not in database.logs()


def test_a_server_that_dies_ends_the_container():
    with Postgres0(**PASSWORDS) as database:
        database.exec("pkill", "-KILL", "-o", "-x", "postgres")
        assert database.await_end() == 137


def test_a_killed_one_recovers(volume):
    with Postgres0(volume=volume, **PASSWORDS) as database:
        database.sql("CREATE TABLE kept ()")
        docker("kill", database.name)
    with Postgres0(volume=volume, **PASSWORDS) as database:
        assert database.sql("SELECT count(*) FROM kept") == "0"


@pytest.mark.parametrize("moment", [
    "Making a PostgreSQL cluster", "starting PostgreSQL", "ready to accept connections", "received fast shutdown request",
    "database system is shut down",
])
def test_a_kill_in_the_first_start_leaves_one_that_works(volume, moment):
    with Postgres0(volume=volume, ready=False, **PASSWORDS) as database:
        wait.until(lambda: moment in database.logs(), moment, pause=0)
        docker("kill", database.name)
    with Postgres0(volume=volume, **PASSWORDS) as database:
        assert database.login("purser_worker", WORKER).stdout == "purser_worker\n"
        assert database.sql("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'") == "purser_owner"


def test_a_stop_in_the_first_start_is_heard(volume):
    with Postgres0(volume=volume, ready=False, **PASSWORDS) as database:
        wait.until(lambda: "ready to accept connections" in database.logs(), "the preparations", pause=0)
        assert database.stop(seconds=60) == 0


def test_half_a_cluster_is_made_anew(volume):
    """As a kill inside of initdb leaves it."""
    volume.sh("mkdir data.new && echo 17 >data.new/PG_VERSION")
    with Postgres0(volume=volume, **PASSWORDS) as database:
        assert database.login("purser_worker", WORKER).stdout == "purser_worker\n"
    assert "data.new" not in volume.sh("ls")


@pytest.mark.parametrize("password", ["'", "\\", "a'b\\'c\"d$e`f;--%2f:'x'\\n", " ü ∀ "])
def test_a_password_may_have_any_character(secrets, password):
    secrets.sh('printf "%s\\n" "$P" >password && chmod 555 .', P=password)
    with Postgres0("-v", f"{secrets}:{SECRETS}:ro", DB_PASSWORD_FILE=FILE, DB_OWNER_PASSWORD=OWNER) as database:
        assert database.login("purser_worker", password).stdout == "purser_worker\n"


def test_other_passwords_count_from_the_next_start_on(volume):
    with Postgres0(volume=volume, **PASSWORDS):
        pass
    with Postgres0(volume=volume, DB_PASSWORD="new", DB_OWNER_PASSWORD="newer") as database:
        assert database.login("purser_worker", "new").stdout == "purser_worker\n"
        assert database.login("purser_owner", "newer").stdout == "purser_owner\n"
        assert "authentication failed" in database.login("purser_worker", WORKER).stderr


def test_a_password_s_file_that_is_not_there_gets_a_random_one(volume, secrets):
    """Others read it in the same directory; the next start finds it there."""
    passwords = []
    for _ in range(2):
        with Postgres0("-v", f"{secrets}:{SECRETS}", volume=volume, DB_PASSWORD_FILE=FILE, DB_OWNER_PASSWORD=OWNER) as database:
            passwords.append(secrets.sh("cat password", user="12345"))
            assert database.login("purser_worker", passwords[-1].rstrip("\n")).stdout == "purser_worker\n"
    assert secrets.sh("stat -c %a password; ls") == "444\npassword\n"
    assert re.fullmatch(r"[\w-]{32}\n", passwords[0]) and passwords[0] == passwords[1]


def test_an_empty_file_as_a_power_failure_leaves_it_is_filled(secrets):
    secrets.sh(": >password; chmod 444 password")
    with Postgres0("-v", f"{secrets}:{SECRETS}", DB_PASSWORD_FILE=FILE, DB_OWNER_PASSWORD=OWNER) as database:
        password = secrets.sh("cat password")
        assert re.fullmatch(r"[\w-]{32}\n", password)
        assert database.login("purser_worker", password.rstrip("\n")).stdout == "purser_worker\n"


def test_two_databases_have_two_random_passwords():
    found = set()
    for _ in range(2):
        with Postgres0("--tmpfs", f"{SECRETS}:uid=10001", DB_PASSWORD_FILE=FILE, DB_OWNER_PASSWORD=OWNER) as database:
            found.add(database.exec("cat", FILE).stdout)
    assert len(found) == 2


def test_a_password_that_is_given_goes_into_the_file_for_others(secrets):
    secrets.sh("echo old >password")
    with Postgres0("-v", f"{secrets}:{SECRETS}", **PASSWORDS, DB_PASSWORD_FILE=FILE) as database:
        assert secrets.sh("cat password") == f"{WORKER}\n"
        assert database.login("purser_worker", WORKER).stdout == "purser_worker\n"


@pytest.mark.parametrize("settings, sentence", [
    ({"DB_OWNER_PASSWORD": OWNER}, "DB_PASSWORD or DB_PASSWORD_FILE must be set: the database needs a password."),
    ({"DB_PASSWORD": WORKER}, "DB_OWNER_PASSWORD or DB_OWNER_PASSWORD_FILE must be set: the database needs a password."),
    ({**PASSWORDS, "DB_PASSWORD_FILE": "/etc/hostname"},
     "DB_PASSWORD and DB_PASSWORD_FILE are both set, and /etc/hostname can't be written: only one of them may be."),
    ({**PASSWORDS, "DB_PASSWORD": "", "DB_PASSWORD_FILE": "/none/there"}, "DB_PASSWORD_FILE: /none/there can't be read."),
    ({**PASSWORDS, "DB_PASSWORD": "", "DB_PASSWORD_FILE": "/dev/null"},
     "DB_PASSWORD_FILE: /dev/null is empty: the database needs a password."),
    ({**PASSWORDS, "DB_PASSWORD": "two\nlines"}, "DB_PASSWORD has a line break in it, which no password may have."),
    ({**PASSWORDS, "DB_USERNAME": "purser_owner"},
     'DB_USERNAME is "purser_owner", which is not for the workers: give another name.'),
    ({**PASSWORDS, "DB_NAME": "a=b"}, 'DB_NAME is "a=b": give the name of a database of Purser\'s own.'),
    ({**PASSWORDS, "DB_NAME": "n" * 64}, f'"{"n" * 64}" is too long: a name has 63 bytes at most.'),
])
def test_a_setting_that_is_wrong_is_a_sentence(settings, sentence):
    code, said = refused(**settings)
    assert said.splitlines()[-1] == f"postgres0: {sentence}" and code == 2


def test_data_of_another_version_are_not_touched(volume):
    volume.sh("mkdir -m 700 data && echo 16 >data/PG_VERSION")
    code, said = refused(volume=volume, **PASSWORDS)
    assert code == 1
    assert re.fullmatch(r"postgres0: /var/lib/purser/data was made by PostgreSQL 16, which is not installed; nothing was "
                        r"touched. Here is: \d+\.\n", said)
    assert volume.sh("ls data; cat data/PG_VERSION") == "PG_VERSION\n16\n"


def test_a_directory_of_somebody_else_s_is_not_touched(volume):
    volume.sh("mkdir data && echo hello >data/letter")
    code, said = refused(volume=volume, **PASSWORDS)
    assert said == "postgres0: /var/lib/purser/data has files in it, but no PostgreSQL cluster; nothing was touched.\n"
    assert code == 1 and volume.sh("ls; cat data/letter") == "data\nlock\nhello\n"


def test_a_volume_of_another_user_s_is_a_sentence(volume):
    code, said = refused("--user", "10002:10002", volume=volume, **PASSWORDS)
    assert code == 1
    assert said == ("postgres0: /var/lib/purser can't be written by the user 10002: mount a volume there that belongs to "
                    "it.\n")


def test_two_never_work_in_one_volume(volume):
    with Postgres0(volume=volume, **PASSWORDS) as first:
        code, said = refused(volume=volume, **PASSWORDS)
        assert (code, said) == (1, "postgres0: another postgres0 is at work in /var/lib/purser.\n")
        assert first.login("purser_worker", WORKER).returncode == 0


def test_workers_of_another_name_have_the_workers_rights(volume):
    """A name and a password as anybody may have chosen them, and the rights that a migration gives."""
    names = {"DB_USERNAME": 'Dev "1"', "DB_NAME": "Flask db's"}
    with Postgres0(volume=volume, **PASSWORDS, **names) as database:
        network = ["--network", f"container:{database.name}"]
        fill = {"DB_URL": "127.0.0.1", "DB_NAME": names["DB_NAME"], "DB_USERNAME": names["DB_USERNAME"],
                "DB_OWNER_USERNAME": "purser_owner", "DB_OWNER_PASSWORD": OWNER, "SAMPLE_DATA": "1"}
        words = [word for name, value in fill.items() for word in ("-e", f"{name}={value}")]
        docker("run", "--rm", *network, *words, PURSER, "/usr/lib/purser/schema/fill")
        asked = database.login(names["DB_USERNAME"], WORKER, "SELECT count(*) FROM passengers", names["DB_NAME"])
        assert asked.stdout == "1316\n"
        denied = database.login(names["DB_USERNAME"], WORKER, "DROP TABLE passengers", names["DB_NAME"])
        assert "must be owner of table passengers" in denied.stderr
        assert "authentication failed" in database.login("purser_worker", WORKER, database=names["DB_NAME"]).stderr
