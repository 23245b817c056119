"""PURSER_RATE_LIMIT: how often one client may ask, and who the client is."""

import re
import socket

import pytest
from harness import wait
from harness.process import BINARY, environment, run
from harness.stack import Stack
from harness.web import assert_problem, send_raw

POLICY = '"default";q=1;w=1'


@pytest.fixture(scope="module")
def limited(cluster):
    """One request a second, and one more at once, for each client; 127.0.0.1 and 10.* are proxies."""
    database = cluster.copy_template()
    with Stack(database.url, PURSER_RATE_LIMIT=1, PURSER_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8") as stack:
        yield stack
    database.drop()


def request(path="/zero", forwarded=None, more="", method="GET"):
    named = f"X-Forwarded-For: {forwarded}\r\n" if forwarded else ""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{named}{more}\r\n".encode()


def statuses(port, requests, source="127.0.0.1"):
    """The statuses of the answers to these requests, sent in one piece on one connection that then ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait.PATIENCE_S,
                                  source_address=(source, 0)) as connection:
        connection.sendall(b"".join(requests) + request("/healthz", more="Connection: close\r\n"))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    found = list(map(int, re.findall(rb"HTTP/1\.1 (\d{3}) ", received)))
    assert len(found) == len(requests) + 1
    return found[:-1]


def exhaust(stack, forwarded):
    """Ask as this client until it is refused."""
    assert 429 in statuses(stack.port, [request(forwarded=forwarded)] * 50)


def test_who_asks_too_often_is_refused_and_told_when_to_come_again(limited):
    found = statuses(limited.port, [request(forwarded="192.0.2.1")] * 50)
    assert found[:2] == [201, 201] and set(found) == {201, 429} and found.count(429) > 10
    answer = wait.until(lambda: (got := limited.http("GET", "/zero",
                                                     headers={"X-Forwarded-For": "192.0.2.1"})).status == 429 and got,
                        "to be refused again")
    assert_problem(answer, 429, "too-many-requests")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit-policy"] == POLICY


def test_after_a_while_it_may_ask_again(limited):
    exhaust(limited, "192.0.2.2")
    wait.until(lambda: statuses(limited.port, [request(forwarded="192.0.2.2")]) == [201], "to be answered", pause=0.2)


def test_others_are_not_concerned(limited):
    exhaust(limited, "192.0.2.3")
    assert statuses(limited.port, [request(forwarded="192.0.2.4")]) == [201]
    assert statuses(limited.port, [request(forwarded="2001:db8::1")]) == [201]


@pytest.mark.parametrize("path", ["/nowhere", "/docs/", "/openapi.json", "/v1/passengers", "/problems/conflict",
                                  "/hello/"])
def test_all_paths_count(limited, path):
    exhaust(limited, client := f"198.51.100.{len(path)}")
    assert 429 in statuses(limited.port, [request(path, client)] * 50)


def test_every_answer_says_the_policy(limited):
    """Good ones, errors, nginx's own and files."""
    for number, (path, status) in enumerate([("/zero", 201), ("/nowhere", 404), ("/%zz", 400), ("/docs", 308)]):
        answer = send_raw(limited.port, request(path, f"192.0.2.{10 + number}"))
        assert (answer.status, answer.headers["ratelimit-policy"]) == (status, POLICY)


def test_probes_are_not_counted(limited):
    """A node's probes have the address of whatever else comes through it."""
    exhaust(limited, "192.0.2.20")
    probes = [request(path, "192.0.2.20") for path in ("/healthz", "/readyz", "/hello")]
    assert statuses(limited.port, probes * 20) == [200, 200, 201] * 20


@pytest.mark.checkout
def test_the_health_check_of_the_container_is_not_counted(limited):
    assert 429 in statuses(limited.port, [request()] * 50)
    for _ in range(5):
        run([BINARY, "probe"], env=environment(PURSER_PORT=limited.port))


def test_a_client_behind_two_proxies(limited):
    exhaust(limited, "192.0.2.30, 10.1.2.3")
    assert 429 in statuses(limited.port, [request(forwarded="192.0.2.30")] * 50)
    assert statuses(limited.port, [request(forwarded="192.0.2.31, 10.1.2.3")]) == [201]


def test_a_client_can_not_choose_its_address(limited):
    """What it writes stands before what the proxy adds."""
    exhaust(limited, "203.0.113.1, 192.0.2.40")
    changing = [request(forwarded=f"203.0.113.{number}, 192.0.2.40") for number in range(2, 52)]
    assert 429 in statuses(limited.port, changing)


def test_a_client_that_is_no_proxy_is_not_believed(limited):
    changing = [request(forwarded=f"203.0.113.{number}") for number in range(50)]
    assert 429 in statuses(limited.port, changing, source="127.0.0.2")


@pytest.mark.parametrize("forwarded", ["unknown", "192.0.2.1;DROP", "a" * 2000, "\x01", ",,,", "[::1]:x", "999.1.1.1"])
def test_an_address_that_is_none_is_the_proxy_s(limited, forwarded):
    """Whatever stands there, somebody is counted."""
    assert 429 in statuses(limited.port, [request(forwarded=forwarded)] * 50)


def test_by_itself_there_is_no_limit(stack):
    assert statuses(stack.port, [request()] * 200) == [201] * 200
    assert "ratelimit-policy" not in stack.http("GET", "/zero").headers


@pytest.mark.checkout
def test_without_a_limit_nginx_has_nothing_of_it(stack):
    text = (stack.directory / "state" / "nginx" / "nginx.conf").read_text()
    assert not re.search(r"^\s*(limit_req|set_real_ip_from|real_ip|map \S+ \$limited|add_header RateLimit)", text, re.M)
