"""Request lines and headers as attackers send them: what each gets, and whether the connection is kept after it."""

import pytest
from harness import wait
from harness.samples import NOBODY
from harness.web import assert_problem, exchange

pytestmark = pytest.mark.usefixtures("no_worker_ends")

LAST = b"GET /zero HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HELLO = b'{"message":"ok"}'


def request(line, *headers):
    lines = [line, *headers, "", ""]
    return b"\r\n".join(part if isinstance(part, bytes) else part.encode("latin-1") for part in lines)


def get(path, *headers):
    return request(f"GET {path} HTTP/1.1", "Host: x", *headers)


def assert_refused(stack, data, status, slug):
    """The connection is closed: nobody knows what the rest of it would be."""
    (answer,) = exchange(stack.port, data + LAST)
    assert_problem(answer, status, slug)
    assert answer.headers["connection"] == "close"


def first_of(stack, data):
    """The answer to it, and the connection is kept: the request behind it is answered, too."""
    first, last = exchange(stack.port, data + LAST)
    assert last.body == b'{"0":""}'
    return first


# --- paths ---

ABOVE_THE_ROOT = [
    "/..", "/../hello", "/%2e%2e", "/%2e%2e/hello", "/.%2e/hello", "/x/../../hello", "/" + "../" * 100 + "hello",
    "/docs/../../nginx.conf", "/docs/..%2f..%2fnginx.conf", "/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/" + "%2e%2e%2f" * 500,
]  # fmt: skip
WITH_NUL = ["/%00", "/hello%00", "/hello%00.json", "/hel%00lo", "/docs/index.html%00", "/openapi.yaml%00.txt",
            "/getpassenger/%00"]
BAD_ESCAPES = ["/hello%", "/hello%2", "/hello%zz", "/hello%u002e", "/%%32%65%%32%65/hello", "/%-1", "/% 41"]
CONTROLS = ["/hello\x01", "/hello\x1b[2J", "/hello\x7f", "/hello\t", "/hello?\x08", "/hello\x0b", "/\0"]


@pytest.mark.parametrize("path", ABOVE_THE_ROOT + WITH_NUL + BAD_ESCAPES + CONTROLS, ids=lambda path: ascii(path)[:40])
def test_path_that_nginx_refuses(stack, path):
    assert_refused(stack, get(path), 400, "malformed-request")


@pytest.mark.parametrize("path", [
    "/%c0%ae%c0%ae/hello", "/%c0%afhello", "/%e0%80%afhello", "/%f0%80%80%afhello", "/%f5%80%80%80", "/%ff", "/%fe%fe",
    "/%ed%a0%80", "/\xc0\xae\xc0\xae/hello", "/\xff", "/caf\xe9", "/hello\x80", "/getpassenger/%c0%80",
    "/employees/get/%ff",
], ids=ascii)  # fmt: skip
def test_path_that_is_no_utf_8(stack, path):
    """Long forms of a dot, a slash or NUL, halves of surrogates, bytes that mean nothing."""
    assert_problem(first_of(stack, get(path)), 400, "malformed-request")


@pytest.mark.parametrize("path", [
    # Other ways to write the path of a route are no way to it: nothing in front is led past a rule of its own.
    "/x/../hello", "/x/%2e%2e/hello", "/./hello", "/%2e/hello", "/hello/.", "/hello/..", "/hello/%2e", "//hello",
    "/hello//", "/hello/", "///", "/%2fhello", "/%2Fhello", "/x%2f..%2fhello", "/\\hello", "/x\\..\\hello",
    "/..\\hello", "/%5chello", "/..%5chello", "/hello;x=y", "/;/hello", "/hello;/../zero", "/..;/hello", "/hello%3bx=y",
    "/hello%20", "/hello%09", "/hello%0a", "/hello%7f", "/hello%0d%0aX:y", "/hello#x", "/hello%23x", "/hello%3f",
    "/%252e%252e/hello", "/%2500", "/hello+", "/hello*", "/~root", "/.", "/...", "/....//", "/HELLO", "/hello.json",
    "/getpassenger/../hello", "/getpassenger/%2e%2e/hello", f"/getpassenger/{NOBODY}/../../hello", "/v1/../hello",
    "/v1/%2e%2e/hello", "/v1/passengers/../../hello", "/v1//passengers", "/v1/passengers/", "//v1/passengers",
    "/docs/..", "/docs/../hello", "/docs/../nginx.conf", "/docs/%2e%2e/hello", "/docs/..%2fhello", "/docs//",
    "/docs/index.html/", "/openapi.yaml/", "/openapi.yaml/..", "/_problem/400", "/_problem/405", "/_docs/405",
    "/_docs/options", "/%5fproblem/405", "/x/../_problem/405", "/" + "a" * 8000, "/" + "x/" * 3000,
    "/" + "x/../" * 1000 + "hello",
], ids=lambda path: ascii(path)[:40])  # fmt: skip
def test_path_that_leads_nowhere(stack, path):
    assert_problem(first_of(stack, get(path)), 404, "not-found")


@pytest.mark.parametrize("path", ["/getpassenger/..", "/v1/passengers/..", "/v1/passengers/%2e%2e",
                                  "/v1/passengers/%2f", "/v1/employees/."])
def test_key_that_is_made_of_dots(stack, path):
    assert_problem(first_of(stack, get(path)), 400, "malformed-uuid")


@pytest.mark.parametrize("query", ["", "?", "x=%00", "%zz", "%", "x=%c0%ae", "\xff", "\"'<>\\", "x=" + "y" * 8000,
                                   "&" * 5000, "=&=&="], ids=lambda text: ascii(text)[:20])
def test_query_of_a_route_that_has_none(stack, query):
    """It is not looked at."""
    assert first_of(stack, get(f"/hello?{query}")).body == HELLO


# --- request lines ---


@pytest.mark.parametrize("target", ["http://other/hello", "https://other/hello", "HTTP://OTHER/hello",
                                    "http://other:99999/hello", "ftp://other/hello",
                                    "http://[::1]/hello"])  # fmt: skip
def test_absolute_address_is_a_path_here(stack, target):
    """Whatever host it names: this is no proxy, and asks nobody."""
    assert first_of(stack, get(target)).body == HELLO


@pytest.mark.parametrize("target", [
    "http://user:password@other/hello", "http://user@other/hello", "http:///hello", "http:/hello",
    "http://ot her/hello", "http://a/../hello", "http://[::1/hello", "javascript:alert(1)", "file:///etc/passwd",
    "other:80", "*", "hello", "?", "\\hello", "http:\\\\other\\hello",
])  # fmt: skip
def test_target_that_is_none(stack, target):
    assert_refused(stack, get(target), 400, "malformed-request")


BAD_LINES = [
    "CONNECT other:443 HTTP/1.1", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "GET /hello HTTP/0.9", "GET /hello HTTP/0.0",
    "GET /hello HTTP/1.", "GET /hello HTTP/1", "GET /hello HTTP/1.9999999", "GET /hello http/1.1",
    "GET /hello HTTP/1.1 x", "GET /hello XTTP/1.1", "GET /hello HTTP/-1.1", "GET /hello HTTP/a.b",
    "GET\t/hello HTTP/1.1", "GET /hello\tHTTP/1.1", " GET /hello HTTP/1.1", "\0GET /hello HTTP/1.1",
    "G\0ET /hello HTTP/1.1", "GET /hello HTTP/1.1\0", "GET", "GET ", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2", "EHLO x",
    "SSH-2.0-x", "SM", "{}", "<policy-file-request/>",
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES, ids=ascii)
def test_line_that_is_no_request(stack, line):
    assert_refused(stack, request(line, "Host: x"), 400, "malformed-request")


@pytest.mark.parametrize("version", ["2", "2.0", "3", "3.7", "11.1", "9" * 20 + ".1"])
def test_version_that_is_not_understood(stack, version):
    assert_refused(stack, request(f"GET /hello HTTP/{version}", "Host: x"), 505, "version-not-supported")


@pytest.mark.parametrize("line", ["GET  /hello  HTTP/1.1 ", "\r\nGET /hello HTTP/1.1", "\nGET /hello HTTP/1.1",
                                  "GET /hello HTTP/1.2"], ids=ascii)
def test_line_that_a_robust_server_reads(stack, line):
    """RFC 9112 section 2.2 and 3 let it."""
    assert first_of(stack, request(line, "Host: x")).body == HELLO


def test_lines_that_end_with_lf_alone(stack):
    assert first_of(stack, b"GET /hello HTTP/1.1\nHost: x\n\n").body == HELLO


PROTOCOLS = {
    "TLS": bytes.fromhex("16030100f8010000f40303") + bytes(range(1, 200)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "PROXY 2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
    "PostgreSQL": b"\0\0\0\x08\x04\xd2\x16\x2f",
    "FastCGI": b"\1\1\0\1\0\x08\0\0\0\1\0\0\0\0\0\0",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_another_protocol(stack, name):
    assert_refused(stack, PROTOCOLS[name], 400, "malformed-request")


# --- methods ---

UNKNOWN = ["A", "GE", "GETS", "BREW", "X-Y", "X_Y", "M-SEARCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
           "LOCK", "UNLOCK", "PURGE",
           "QUERY", "LINK", "TRACK", "DEBUG", "SSTP_DUPLEX_POST", "A" * 33, "Z" * 1000]  # fmt: skip


@pytest.mark.parametrize("method", UNKNOWN, ids=lambda method: method[:20])
@pytest.mark.parametrize("path, allow", [
    ("/hello", "GET, HEAD, OPTIONS"), ("/v1/passengers", "GET, HEAD, POST, PATCH, OPTIONS"),
    ("/docs/", "GET, HEAD, OPTIONS"),
])  # fmt: skip
def test_method_that_no_one_knows(stack, method, path, allow):
    """The path is there, so it says what it allows."""
    answer = first_of(stack, request(f"{method} {path} HTTP/1.1", "Host: x"))
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("method", ["get", "Get", "GET1", "G\xc9T", "\xff\xff", "POST!", "@", "Q;DROP", "QU'ERY",
                                    "GET/", '"GET"', "{"], ids=ascii)
def test_method_that_is_none(stack, method):
    assert_refused(stack, request(f"{method} /hello HTTP/1.1", "Host: x"), 400, "malformed-request")


def test_method_that_fills_the_line(stack):
    assert_refused(stack, request(f"{'A' * 9000} /hello HTTP/1.1", "Host: x"), 414, "uri-too-long")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_for_proxies(stack, method):
    assert_refused(stack, request(f"{method} /hello HTTP/1.1", "Host: x"), 405, "method-not-allowed")


# --- headers ---

BAD_HEADERS = [
    "X : y", "X\t: y", "X Y: z", ": y", ":", "X\0Y: z", "X: \0", "X: y\0z", "X\x01: y", "X: a\rb", "X: y\r\n z",
    "X: y\r\n\tz", "Host: x", "Host: other", "Accept: a\0b", "Prefer: return=minimal\r\n ,count=exact", "If-Match: \0",
]  # fmt: skip


@pytest.mark.parametrize("header", BAD_HEADERS, ids=ascii)
def test_header_that_is_none(stack, header):
    assert_refused(stack, get("/hello", header), 400, "malformed-request")


@pytest.mark.parametrize("host", ["", "a b", "a\tb", "a/b", "..", "a..b", ".", "a\x1b[2J", "a\0"], ids=ascii)
def test_host_that_is_none(stack, host):
    assert_refused(stack, request("GET /hello HTTP/1.1", f"Host: {host}"), 400, "malformed-request")


@pytest.mark.parametrize("header", [
    "X_Y: z", 'X"Y: z', "\xc9: y", "X: \xff\xfe", "X: \x01\x1b[2J", "Xyz",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA", "Expect: 200-ok",
    "Range: bytes=0-0,0-0", "X-Original-URL: /zero", "X-HTTP-Method-Override: DELETE", "X-Forwarded-Host: evil",
    "Forwarded: for=x",
], ids=ascii)  # fmt: skip
def test_header_that_changes_nothing(stack, header):
    answer = first_of(stack, get("/hello", header))
    assert (answer.status, answer.body) == (201, HELLO)


@pytest.mark.parametrize("headers", [
    ["X: " + "a" * 65536], ["X: " + "a" * 8190], ["X" * 9000 + ": y"],
    [f"X{number}: {'y' * 1000}" for number in range(64)], [f"X{number}: {'y' * 10}" for number in range(4000)],
], ids=["64 KiB in one", "8 KiB in one", "a long name", "64 KiB in all", "4,000 of them"])  # fmt: skip
def test_headers_that_are_too_large(stack, headers):
    assert_refused(stack, get("/hello", *headers), 431, "headers-too-large")


@pytest.mark.parametrize("headers", [
    ["X: " + "a" * 8180], ["X" * 8000 + ": y"], [f"X{number}: {'y' * 1000}" for number in range(24)], ["X: y"] * 998,
], ids=["8 KB in one", "a long name", "24 KB in all", "998 of them"])  # fmt: skip
def test_headers_that_are_just_small_enough(stack, headers):
    assert first_of(stack, get("/hello", *headers)).body == HELLO


# --- the log ---


def test_each_of_them_has_one_line_in_the_log_and_none_is_forged(stack):
    """Lines are JSON, whatever the bytes were; await_line and log() parse all of them."""
    paths = ['/logged","level":"error","forged":"', "/logged\\", "/logged\\u0022", "/logged'",
             "/logged%0a{%22level%22:%22error%22}", "/logged\xff\xfe", "/logged\x80", "/logged\xe2\x80\xa8",
             "/logged{}", "/logged<script>", "/logged?" + "\xc0" * 2000,
             "/logged%ff", "/logged$request_id"]  # fmt: skip
    wanted = {}
    for path in paths:
        answer = first_of(stack, get(path))
        shown = path if path.isascii() else "(bytes that are no ASCII)"
        wanted[answer.headers["x-request-id"]] = (shown, answer.status)

    def found():
        lines = [line for line in stack.log() if line.get("request_id") in wanted and line["program"] == "nginx"]
        return len(lines) >= len(wanted) and lines

    lines = wait.until(found, "the log")
    assert {line["request_id"]: (line["path"], line["status"]) for line in lines} == wanted
    assert len(lines) == len(wanted) and {line["level"] for line in lines} == {"info"}
    keys = {"ts", "level", "program", "msg", "request_id", "method", "path", "status", "duration_s", "bytes"}
    assert all(set(line) == keys for line in lines)
