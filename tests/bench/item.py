"""One passenger by its id: /v1 beside the older route, and with If-None-Match, which is answered 304."""

import json

import rows
import turns
from check import Client
from load import Refused
from settings import REPEATS, SECONDS_PER_RUN, WARMUP_SECONDS

COLLECTION = "/v1/passengers"


def size(line, headers, body=b""):
    """Of a whole answer, in bytes."""
    return len(line) + sum(len(f"{name}: {value}\r\n") for name, value in headers.items()) + len("\r\n\r\n") + len(body)


def requests(port, passengers):
    """Plain and conditional requests, each with its headers, and a size between those of their two answers."""
    plain, conditional, least, most = [], [], 0, 0
    with Client(port) as client:
        for passenger in passengers:
            path = f"{COLLECTION}/{passenger['uuid']}"
            headers, body = client.ask("GET", path)
            if json.loads(body) != passenger or "ETag" not in headers:
                raise Refused(f"GET {path}: the answer is wrong: {body[:200]!r}")
            most = max(most, size("HTTP/1.1 200 OK", headers, body))
            plain.append((path, {}))
            conditional.append((path, {"If-None-Match": headers["ETag"]}))
            headers, body = client.ask("GET", path, headers=conditional[-1][1], status=304)
            least = max(least, size("HTTP/1.1 304 Not Modified", headers, body))
    return plain, conditional, (least + most) // 2


def measure(service, wrk, passengers, diary):
    """The works "item" and "unchanged"; the table holds `passengers`."""
    plain, conditional, between = requests(service.port, passengers)
    wrk.ask_for(range(1, rows.COUNT + 1))

    def ask(which, **limits):
        wrk.ask(service.port, which, WARMUP_SECONDS)
        return wrk.ask(service.port, which, SECONDS_PER_RUN, **limits)

    def ask_as_before():
        wrk.run(service.port, "get", WARMUP_SECONDS)
        return wrk.run(service.port, "get", SECONDS_PER_RUN)

    seen = turns.take({
        ("item", "purser"): lambda: ask(plain, least_bytes=between // 2),
        ("unchanged", "purser"): lambda: ask(conditional, most_bytes=between),
        ("item", "before"): ask_as_before,
    }, REPEATS, diary)
    of_v1, unchanged, before = map(turns.loaded, seen.values())
    return {"item": {"purser": of_v1, "before": before}, "unchanged": {"purser": unchanged, "plain": of_v1}}
