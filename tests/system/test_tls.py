"""nginx with a certificate of its own, for homes without an ingress."""

import http.client
import os
import ssl

import pytest
from harness import web
from harness.certificate import Certificate
from harness.launch import children
from harness.process import BINARY, ROOT, environment, run
from harness.stack import Stack, free_port

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="module")
def certificate():
    with Certificate() as made:
        yield made


@pytest.fixture(scope="module")
def service(cluster, certificate):
    """A service that listens with TLS, too; `tls_port` says where."""
    database = cluster.copy_template()
    port = free_port()
    mount = f"--volume={certificate.directory}:{certificate.directory}:ro"
    with Stack(database.url, options=[mount], PURSER_TLS_PORT=port, PURSER_TLS_DIR=certificate.directory) as stack:
        stack.tls_port = port
        yield stack
    database.drop()


def https(service, certificate, target, version=None, method="GET"):
    """One request by a client that trusts this certificate alone."""
    context = ssl.create_default_context(cadata=certificate.text)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    connection = http.client.HTTPSConnection("127.0.0.1", service.tls_port, timeout=30, context=context)
    try:
        connection.request(method, target)
        return web.read(connection.getresponse())
    finally:
        connection.close()


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_the_same_answers(service, certificate, version):
    web.assert_json(https(service, certificate, "/passengerlist", version), 200)
    assert service.http("GET", "/passengerlist").status == 200  # beside the other port


def test_the_same_errors(service, certificate):
    """The workers' and nginx's own."""
    web.assert_problem(https(service, certificate, "/nowhere"), 404, "not-found")
    web.assert_problem(https(service, certificate, "/" + "x" * 9000), 414, "uri-too-long")
    web.assert_problem(https(service, certificate, "/hello", method="TRACE"), 405, "method-not-allowed")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(service):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    connection = http.client.HTTPSConnection("127.0.0.1", service.tls_port, timeout=30, context=context)
    with pytest.raises(ssl.SSLError, match="(?i)alert protocol version"):
        connection.connect()


def test_plain_http_is_told_so(service):
    answer = web.send_raw(service.tls_port, b"GET /hello HTTP/1.1\r\nHost: purser\r\n\r\n")
    web.assert_problem(answer, 400, "malformed-request")


def test_a_rotated_certificate_is_served_at_once(service, certificate):
    """By the same processes: nothing was reloaded."""
    before = children(service.nginx(), "nginx")
    for _ in range(3):
        certificate.renew()
        for _ in range(4):  # whichever process takes it
            assert certificate.is_served(service.tls_port)
    assert children(service.nginx(), "nginx") == before


@pytest.fixture
def broken():
    """A certificate that a test may spoil."""
    with Certificate() as made:
        yield made


def refused(directory, tmp_path):
    """The last line of a start that fails."""
    path = f"{BINARY.parent}:{os.environ['PATH']}:/usr/sbin"
    env = environment(PATH=path, RUN_DIR=tmp_path, PURSER_TLS_PORT=free_port(), PURSER_TLS_DIR=directory)
    done = run([ROOT / "supervisord" / "start", ROOT / "supervisord" / "supervisord.conf"], check=False, env=env)
    assert done.returncode == 2 and done.stdout == ""
    return done.stderr.splitlines()[-1]


@pytest.mark.checkout
@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
def test_a_missing_file_stops_the_start(broken, tmp_path, name):
    (broken.directory / name).unlink()
    assert f"but {broken.directory}/{name} can't be read." in refused(broken.directory, tmp_path)


@pytest.mark.checkout
@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
def test_a_file_with_something_else_stops_the_start(broken, tmp_path, name):
    (broken.directory / name).write_text("no certificate, no key")
    said = refused(broken.directory, tmp_path)
    assert f"the certificate in {broken.directory} is no use: cannot load certificate" in said and name in said


@pytest.mark.checkout
def test_a_key_of_another_certificate_stops_the_start(broken, tmp_path):
    key = (broken.directory / "tls.key").read_text()
    broken.renew()
    (broken.directory / "tls.key").write_text(key)
    assert "key values mismatch" in refused(broken.directory, tmp_path)
