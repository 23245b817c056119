"""Pages of 50 of a big table: the first one, one at nine tenths of the way, and one that is filtered and sorted.

Whoever answers gives the same rows in the same order. The far page is found as a client finds it: along the links.
"""

import dataclasses
import functools
import json
import re
import time
import urllib.parse

import rows
import turns
from check import Client
from cluster import COLUMNS
from item import COLLECTION
from load import Refused
from settings import REPEATS, SECONDS_PER_RUN, WARMUP_SECONDS

LIMIT = 50
STEP = 500  # the rows of a page on the way: the most there can be
FILTER = "sex=eq.female&age=gte.60"


@dataclasses.dataclass
class Page:
    """One page as each asks for it: a query for /v1, one for PostgREST, and what follows FROM in SQL.

    `cursor` stands for the far page's, `last` for the id of the last row before it.
    """

    v1: str
    postgrest: str
    sql: str


PAGES = {
    "first": Page("", "order=uuid", "ORDER BY uuid"),
    "deep": Page("&cursor={cursor}", "uuid=gt.{last}&order=uuid", "WHERE uuid > '{last}' ORDER BY uuid"),
    "filtered": Page(f"&{FILTER}&order=-age", f"{FILTER}&order=age.desc,uuid.desc",
                     "WHERE sex = 'female' AND age >= 60 ORDER BY age DESC, uuid DESC"),
}
AS_KEYS = ",".join(column if column == key else f"{key}:{column}"
                   for column, key in zip(COLUMNS.split(", "), rows.KEYS))


def cursor_behind(headers):
    """The cursor of the link to the next page."""
    link = re.search(r'<([^>]*)>; *rel="next"', headers.get("Link", ""))
    found = link and urllib.parse.parse_qs(urllib.parse.urlsplit(link[1]).query).get("cursor")
    if not found:
        raise Refused(f"there is no link to a next page: {headers.get('Link')!r}")
    return found[0]


def walk(port, depth):
    """Follows the links to the row numbered `depth`: the cursor there, how many requests it took, how many seconds."""
    at, cursor, requests, start = 0, None, 0, time.monotonic()
    with Client(port) as client:
        while at < depth:
            path = f"{COLLECTION}?limit={min(STEP, depth - at)}" + (f"&cursor={cursor}" if cursor else "")
            headers, body = client.ask("GET", path)
            items = json.loads(body)["items"]
            at += len(items)
            if not items or items[-1]["uuid"] != rows.uuid(at):
                raise Refused(f"the page that ends at row {at} has other rows")
            cursor = cursor_behind(headers)
            requests += 1
    return cursor, requests, time.monotonic() - start


def path_of(name, page, place):
    """The request for the page; `name` is who is asked."""
    if name == "purser":
        return f"{COLLECTION}?limit={LIMIT}{page.v1.format(**place)}"
    return f"/passengers?select={AS_KEYS}&{page.postgrest.format(**place)}&limit={LIMIT}"


def ask(service, name, path, expected, wrk):
    """One run; the answer is compared before it."""
    with Client(service.port) as client:
        body = client.ask("GET", path)[1]
    answer = json.loads(body)
    if (answer["items"] if name == "purser" else answer) != expected:
        raise Refused(f"the answer is wrong: {body[:200]!r}")
    wrk.ask(service.port, [(path, {})], WARMUP_SECONDS)
    return wrk.ask(service.port, [(path, {})], SECONDS_PER_RUN, least_bytes=len(body))


def runs_of(services, wrk, pgbench, tables, place):
    """Callables by work and name."""
    runs = {}
    for work, page in PAGES.items():
        clauses = f"{page.sql.format(**place)} LIMIT {LIMIT}"
        expected = tables.objects(clauses)
        for name, service in services.items():
            runs[work, name] = functools.partial(ask, service, name, path_of(name, page, place), expected, wrk)
        if pgbench:
            pgbench.add(work, f"SELECT {COLUMNS} FROM passengers {clauses}")
            pgbench.choose(work, WARMUP_SECONDS)
            runs[work, "pgbench"] = functools.partial(pgbench.run, work, SECONDS_PER_RUN)
    return runs


def measure(services, wrk, pgbench, tables, count, diary):
    """The works "first", "deep" and "filtered" of a table of `count` rows, and the walk. `pgbench` may be None."""
    depth = count * 9 // 10
    diary.say(f"walking to row {depth:,}")
    cursor, requests, seconds = walk(services["purser"].port, depth)
    runs = runs_of(services, wrk, pgbench, tables, {"cursor": cursor, "last": rows.uuid(depth)})
    works = {work: {} for work in PAGES}
    for (work, name), figures in turns.take(runs, REPEATS, diary).items():
        works[work][name] = turns.loaded(figures)
        if name == "pgbench":
            works[work][name]["clients"] = pgbench.clients[work]
    for work in ("deep", "filtered"):
        works[work]["first"] = works["first"]["purser"]
    return works, {"depth": depth, "requests": requests, "seconds": seconds}
