"""The contract's page in a browser: it shows every operation, sends requests, and keeps to its own host and policy."""

import gzip
import json
import re
import zlib

import pytest
import yaml
from harness.browser import Browser
from harness.contract import DESCRIPTION, operations
from harness.web import assert_problem


@pytest.fixture(scope="module")
def page(stack):
    """The browser with the page in it, when all of it is there."""
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{stack.port}/docs/")
        browser.until(f"document.querySelectorAll('.opblock').length === {len(operations())}")
        yield browser


def test_it_shows_every_operation(page):
    shown = page.evaluate("[...document.querySelectorAll('.opblock-summary-operation-id')].map((each) => each.textContent)")
    assert sorted(shown) == sorted(operations())
    assert page.evaluate("document.title") == "Purser"


def test_it_can_be_seen(page):
    """Many colours, and many rows that differ from the one above."""
    png = page.screenshot()
    assert png.startswith(b"\x89PNG\r\n")
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at:at + 4], "big")
        if png[at + 4:at + 8] == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += length + 12
    raw = zlib.decompress(data)
    assert (width, height) >= (800, 600) and len(raw) % height == 0
    row = len(raw) // height
    rows = {raw[start + 1:start + row] for start in range(0, len(raw), row)}
    assert len(rows) > 200 and len(set(raw)) > 100


def test_it_sends_a_request(page):
    """GET /healthz, by the page's buttons."""
    block = "document.querySelector('#operations-service-getHealth')"
    page.evaluate(f"{block}.querySelector('.opblock-summary-control').click()")
    page.until(f"!!{block}.querySelector('.try-out__btn')")
    page.evaluate(f"{block}.querySelector('.try-out__btn').click()")
    page.until(f"!!{block}.querySelector('.execute')")
    page.evaluate(f"{block}.querySelector('.execute').click()")
    said = page.until(f"{block}.querySelector('.live-responses-table .response')?.textContent")
    assert said.startswith("200") and '"status": "alive"' in said


def test_it_asks_nobody_else(page, stack):
    """The requests are those of the page alone; it has made some by now."""
    asked = {call["request"]["url"] for call in page.told("Network.requestWillBeSent")}
    assert f"http://127.0.0.1:{stack.port}/openapi.json" in asked
    assert all(url.startswith((f"http://127.0.0.1:{stack.port}/", "data:image/")) for url in asked), asked


def test_nothing_is_against_its_policy(page):
    assert page.evaluate("window.violations") == []
    assert [entry["entry"]["text"] for entry in page.told("Log.entryAdded") if entry["entry"]["level"] == "error"] == []
    assert page.told("Runtime.exceptionThrown") == []


def test_a_script_in_the_page_would_be(stack):
    """The policy is in force, and what is against it is found."""
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{stack.port}/docs/")
        browser.until("document.readyState === 'complete'")
        browser.evaluate("""{
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src='http://127.0.0.2/x.png'>");
            null;
        }""")
        browser.until("window.violations.length >= 2")
        assert browser.evaluate("window.ran") is None
        assert browser.evaluate("window.violations[0]").startswith("script-src-elem inline")


# --- what nginx sends ---


@pytest.mark.parametrize("name", ["", "index.html", "start.js", "swagger-ui-bundle.js", "LICENSE"])
def test_the_policy_allows_nothing_inline_and_nobody_else(http, name):
    policy = http("GET", f"/docs/{name}").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert not re.search(r"unsafe|https?:|\*", policy)


def test_the_files_are_the_checkouts(http):
    assert http("GET", "/openapi.yaml").body == DESCRIPTION.read_bytes()
    assert http("GET", "/openapi.json").json == yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))


def test_json_has_no_nan_and_no_byte_too_much(http):
    body = http("GET", "/openapi.json").body.decode()
    json.loads(body, parse_constant=pytest.fail)
    assert "\n" not in body.removesuffix("\n")


@pytest.mark.parametrize("path", ["/openapi.yaml", "/openapi.json", "/docs/", "/docs/start.js", "/docs/swagger-ui.css"])
def test_what_is_sent_compressed_is_the_same(http, path):
    plain, small = http("GET", path), http("GET", path, headers={"Accept-Encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert gzip.decompress(small.body) == plain.body and len(small.body) < len(plain.body)
    assert plain.headers["vary"] == small.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs//", "/docs/docs/", "/openapi.yml", "/docsx", "/complete"])
def test_nothing_else_is_there(http, path):
    assert_problem(http("GET", path), 404, "not-found")


def test_no_file_outside_is_shown(http):
    for path in ("/docs/%2e%2e/nginx.conf", "/docs/%2e%2e/%2e%2e/nginx/nginx.conf"):
        assert http("GET", path).status in (400, 404), path
