"""What is measured, part by part, of services that run; each part leaves its figures in the result."""

import functools

import bigtable
import bulk
import check
import export
import item
import memory
import pages
import rows
import settings
import turns
from load import Refused
from stacks import API, SEEDS

ASKED_OF_ALL = ("get", "list", "create")  # what the replaced applications did too
PARTS = (*ASKED_OF_ALL, "item", "bulk", "big", "pages", "export")  # those of one table are side by side
OWN = ("item", "big")  # what is asked of purser alone
BIG = {"big", "pages", "export"}  # of the table of a million rows


class Bench:
    """The database with the passengers in it, the services by name, and what has been measured of them so far."""

    def __init__(self, tables, passengers, services, loads, directory, diary):
        self.tables = tables
        self.passengers = passengers
        self.services = services
        self.wrk, self.pgbench = loads
        self.directory = directory
        self.diary = diary
        self.result = {"settings": settings.in_force(), "works": {}, "transfers": {}, "memory": {}, "absent": [],
                       "refused": diary.refused}

    def serve(self, name, work):
        """One run of one service: checked, warmed up, measured; a created row that isn't there refuses it."""
        service = self.services[name]
        least_bytes = check.answers(service.port, work, self.passengers)
        self.wrk.run(service.port, work, settings.WARMUP_SECONDS, least_bytes)
        before = self.tables.count() if work == "create" else 0
        with memory.Sampler(service.roots()) as sampler:
            figures = self.wrk.run(service.port, work, settings.SECONDS_PER_RUN, least_bytes)
        if work == "create":
            made = self.tables.count() - before
            if made < figures.requests:
                raise Refused(f"{figures.requests} rows were acknowledged, {made} are there")
        known = self.result["memory"]
        known[name] = max(known.get(name, 0), sampler.highest)
        return figures

    def one_run(self, name, work):
        try:
            if name == "pgbench":
                return self.pgbench.run(work, settings.SECONDS_PER_RUN)
            return self.serve(name, work)
        finally:
            if work == "create":
                self.tables.reset()

    def ask_all(self, work):
        """What the replaced applications did too, of all the peers."""
        reset = self.tables.reset if work == "create" else lambda: None
        names = [name for name in settings.STACKS if name in SEEDS]
        if "pgbench" in names:
            self.pgbench.choose(work, settings.WARMUP_SECONDS, reset)
        runs = {(work, name): functools.partial(self.one_run, name, work) for name in names}
        kept = self.result["works"][work] = {}
        for (_, name), figures in turns.take(runs, settings.REPEATS, self.diary).items():
            kept[name] = turns.loaded(figures)
            if name == "pgbench":
                kept[name]["clients"] = self.pgbench.clients[work]

    def api(self):
        """The services that are asked for what only /v1 does."""
        return {name: service for name, service in self.services.items() if name in API}

    def measure_item(self):
        self.result["works"].update(item.measure(self.services["purser"], self.wrk, self.passengers, self.diary))

    def measure_bulk(self):
        works, size = bulk.measure(self.api(), self.tables, self.directory, self.passengers, self.diary)
        self.result["transfers"].update(works)
        self.result["bulk_worker_bytes"] = size

    def measure_big(self):
        self.diary.say("reading a list of them all, alone and beside a light load")
        self.result["big"] = bigtable.measure(self.services["purser"], self.wrk, settings.BIG_ROWS)

    def measure_pages(self):
        pgbench = self.pgbench if "pgbench" in settings.STACKS else None
        works, walk = pages.measure(self.api(), self.wrk, pgbench, self.tables, settings.BIG_ROWS, self.diary)
        self.result["works"].update(works)
        self.result["walk"] = walk

    def measure_export(self):
        works, sizes = export.measure(self.api(), self.tables, settings.BIG_ROWS, self.diary)
        self.result["transfers"].update(works)
        self.result["export_bytes"] = sizes

    def of_the_api(self):
        """What measures each part that only /v1 or only purser has."""
        return {"item": self.measure_item, "bulk": self.measure_bulk, "big": self.measure_big,
                "pages": self.measure_pages, "export": self.measure_export}

    def measure(self, parts):
        """Those of PARTS that are in `parts`, in their order. All but the first three need purser itself."""
        self.wrk.ask_for(range(1, rows.COUNT + 1))
        filled = False
        for part in (part for part in PARTS if part in parts):
            if part in ASKED_OF_ALL:
                self.ask_all(part)
            elif "purser" in self.services:
                if part in BIG and not filled:
                    self.diary.say(f"loading {settings.BIG_ROWS:,} rows")
                    self.tables.fill_big(settings.BIG_ROWS)
                    filled = True
                try:
                    self.of_the_api()[part]()
                except Refused as fault:
                    self.diary.refuse(f"the part {part}", fault)
