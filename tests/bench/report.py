"""The result, for people (stdout), for the README (markdown) and for programs (build/bench.json)."""

import json

from memory import MIB
from settings import BIG_P99_RATIO, BIG_WORKER_MIB, EXPORT_WORKER_MIB, MEMORY_MIB, RESULT, TARGETS
from stacks import TITLES

WORKS = {"get": "one passenger by id", "list": "all 887 passengers", "create": "create a passenger",
         "item": "one passenger by id, /v1", "unchanged": "the same, If-None-Match: 304",
         "first": "the first page of 50", "deep": "a page of 50 far down", "filtered": "a page of 50, filtered, sorted"}
TRANSFERS = {"bulk_csv": "bulk insert, CSV", "bulk_json": "bulk insert, JSON", "export": "export, CSV"}
# What purser is compared with besides its peers.
BY = {**TITLES, "before": "purser, /getpassenger", "plain": "purser, 200 without If-None-Match",
      "first": "purser, the first page", "copy_in": "psql, \\copy of the CSV", "copy_out": "psql, COPY … TO STDOUT"}


def save(result):
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load():
    if not RESULT.exists():
        raise SystemExit("bench: no result yet; run make bench first")
    return json.loads(RESULT.read_text(encoding="utf-8"))


def title(key):
    """A run's (work, by), for people."""
    work, name = key
    return f"{WORKS.get(work) or TRANSFERS[work]}, {BY[name]}"


def mark(reached):
    return "reached" if reached else "missed"


def ratio_cells(work, name, rates):
    """How many times as fast purser is, by rates of some unit, and the target beside it."""
    if name == "purser" or not rates.get("purser") or not rates.get(name):
        return "", ""
    ratio = rates["purser"] / rates[name]
    target = TARGETS.get(work, {}).get(name)
    return f"{ratio:.2f} ×", f"≥ {target} ×, {mark(ratio >= target)}" if target else ""


def table(result):
    """What loads measured: rows of cells, the heading first."""
    cells = [("work", "by", "requests/s", "p50 ms", "p99 ms", "purser is", "target")]
    for work, stacks in result["works"].items():
        rates = {name: row.get("rps") for name, row in stacks.items()}
        for name, row in stacks.items():
            if "rps" in row:
                figures = (f"{row['rps']:,.0f}", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}")
            else:
                figures = ("refused", "", "")
            by = BY[name] + (f", {row['clients']} clients" if "clients" in row else "")
            cells.append((WORKS[work], by, *figures, *ratio_cells(work, name, rates)))
    return cells


def rate(work, row):
    """What a transfer is judged by: bytes of an export, rows of an insert, each second."""
    return row and row["bytes" if work == "export" else "rows"] / row["seconds"]


def transfers(result):
    """What single requests moved: rows of cells, the heading first."""
    cells = [("work", "by", "rows/s", "MB/s", "s", "purser is", "target")]
    for work, stacks in result.get("transfers", {}).items():
        rates = {name: rate(work, row) for name, row in stacks.items()}
        for name, row in stacks.items():
            figures = ("refused", "", "")
            if row:
                seconds = row["seconds"]
                figures = (f"{row['rows'] / seconds:,.0f}", f"{row['bytes'] / seconds / 1e6:.1f}", f"{seconds:.3f}")
            cells.append((TRANSFERS[work], BY[name], *figures, *ratio_cells(work, name, rates)))
    return cells


def sentences(result):
    """What is no table: memory, the big table, refusals."""
    lines = []
    for name, size in result["memory"].items():
        line = f"Memory under that load, {TITLES[name]}: {size / MIB:.1f} MiB (PSS of all processes, highest sample)"
        if name == "purser":
            line += f"; target ≤ {MEMORY_MIB} MiB, {mark(size <= MEMORY_MIB * MIB)}"
        lines.append(line + ".")
    big = result.get("big")
    if big:
        peak = big["worker_peak_bytes"] / MIB
        lines += [
            f"A table of {big['rows']:,} rows: /passengerlist takes {big['list_s']:.1f} s; the worker's highest "
            f"resident memory is {peak:.1f} MiB; target < {BIG_WORKER_MIB} MiB, {mark(peak < BIG_WORKER_MIB)}.",
            f"/getpassenger while such lists are read without end (clients: {big['list_clients']}): "
            f"p99 {big['p99_beside_ms']:.2f} ms, {big['p99_ratio']:.1f} × the {big['p99_alone_ms']:.2f} ms without; "
            f"target ≤ {BIG_P99_RATIO} ×, {mark(big['p99_ratio'] <= BIG_P99_RATIO)} "
            f"({big['load']}, {big['rps']:.0f} requests/s).",
        ]
    return lines + of_the_api(result) + result.get("absent", []) + [f"Refused: {text}" for text in result["refused"]]


def of_the_api(result):
    lines = []
    if "walk" in result:
        walk = result["walk"]
        lines.append(f"The page far down is behind row {walk['depth']:,} of {result['settings']['BIG_ROWS']:,}: "
                     f"{walk['requests']:,} requests and {walk['seconds']:.1f} s led to it by its links.")
    if "bulk_worker_bytes" in result:
        lines.append(f"Bulk inserts are of {result['settings']['BULK_ROWS']:,} rows; the worker's highest resident "
                     f"memory meanwhile is {result['bulk_worker_bytes'] / MIB:.1f} MiB.")
    for name, size in result.get("export_bytes", {}).items():
        line = f"The highest resident memory of one process during the export, {TITLES[name]}: {size / MIB:.1f} MiB"
        if name == "purser":
            line += f"; target < {EXPORT_WORKER_MIB} MiB, {mark(size < EXPORT_WORKER_MIB * MIB)}"
        lines.append(line + ".")
    return lines


def machine(result):
    facts = result["machine"]
    versions = ", ".join(f"{name} {facts[name]}" for name in facts
                         if name not in ("cpu", "cores", "memory", "kernel", "system"))
    where = f"{facts['cpu']}, {facts['cores']} cores, {facts['memory']}, {facts['system']}, Linux {facts['kernel']}"
    how = result["settings"]
    return [f"On: {where}.", f"With: {versions}.",
            f"How: wrk with {how['CONNECTIONS']} connections on the same machine, the median of {how['REPEATS']} × "
            f"{how['SECONDS_PER_RUN']} s in turn, {result['rows']}."]


def tables(result):
    """Those that have anything in them."""
    return [cells for cells in (table(result), transfers(result)) if len(cells) > 1]


def align(cells):
    """One table's lines, for a terminal."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines, last = [], None
    for row in cells:
        shown = ("" if row[0] == last else row[0], *row[1:])
        if lines and row[0] != last:
            lines.append("")
        last = row[0]
        lines.append("  ".join(cell.rjust(width) if 2 <= i <= 5 else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(shown, widths))).rstrip())
    return lines + [""]


def as_text(result):
    lines = [line for cells in tables(result) for line in align(cells)]
    return "\n".join([*machine(result), "", *lines, *sentences(result)])


def as_markdown(result):
    lines = []
    for heading, *cells in tables(result):
        lines += ["| " + " | ".join(heading) + " |", "| --- | --- | ---: | ---: | ---: | ---: | --- |"]
        lines += ["| " + " | ".join(row) + " |" for row in cells] + [""]
    return "\n".join([*lines, *(f"- {line}" for line in (*sentences(result), *machine(result)))])
