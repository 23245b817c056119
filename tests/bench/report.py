"""The result, for people (stdout), for the README (markdown) and for programs (build/bench.json)."""

import json

from memory import MIB
from settings import BIG_P99_RATIO, BIG_WORKER_MIB, MEMORY_MIB, RESULT, TARGETS
from stacks import TITLES

WORKS = {"get": "one passenger by id", "list": "all 887 passengers", "create": "create a passenger"}


def save(result):
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load():
    if not RESULT.exists():
        raise SystemExit("bench: no result yet; run make bench first")
    return json.loads(RESULT.read_text(encoding="utf-8"))


def mark(reached):
    return "reached" if reached else "missed"


def ratio_cells(result, work, name):
    """How many times as fast purser is, and the target beside it."""
    figures = result["works"].get(work, {})
    target = TARGETS[work].get(name)
    if name == "purser" or "rps" not in figures.get("purser", {}) or "rps" not in figures[name]:
        return "", ""
    ratio = figures["purser"]["rps"] / figures[name]["rps"]
    if target is None:
        return f"{ratio:.2f} ×", ""
    return f"{ratio:.2f} ×", f"≥ {target} ×, {mark(ratio >= target)}"


def table(result):
    """Rows of cells, the heading first."""
    cells = [("work", "by", "requests/s", "p50 ms", "p99 ms", "purser is", "target")]
    for work, stacks in result["works"].items():
        for name, row in stacks.items():
            if "rps" in row:
                figures = (f"{row['rps']:,.0f}", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}")
            else:
                figures = ("refused", "", "")
            title = TITLES[name] + (f", {row['clients']} clients" if "clients" in row else "")
            cells.append((WORKS[work], title, *figures, *ratio_cells(result, work, name)))
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
    return lines + [f"Refused: {text}" for text in result["refused"]]


def machine(result):
    facts = result["machine"]
    versions = ", ".join(f"{name} {facts[name]}" for name in facts
                         if name not in ("cpu", "cores", "memory", "kernel", "system"))
    where = f"{facts['cpu']}, {facts['cores']} cores, {facts['memory']}, {facts['system']}, Linux {facts['kernel']}"
    how = result["settings"]
    return [f"On: {where}.", f"With: {versions}.",
            f"How: wrk with {how['CONNECTIONS']} connections on the same machine, the median of {how['REPEATS']} × "
            f"{how['SECONDS_PER_RUN']} s in turn, {result['rows']}."]


def as_text(result):
    cells = table(result)
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines, last = [], None
    for row in cells:
        shown = ("" if row[0] == last else row[0], *row[1:])
        if lines and row[0] != last:
            lines.append("")
        last = row[0]
        lines.append("  ".join(cell.rjust(width) if 2 <= i <= 5 else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(shown, widths))).rstrip())
    return "\n".join([*machine(result), "", *lines, "", *sentences(result)])


def as_markdown(result):
    heading, *cells = table(result)
    lines = ["| " + " | ".join(heading) + " |", "| --- | --- | ---: | ---: | ---: | ---: | --- |"]
    lines += ["| " + " | ".join(row) + " |" for row in cells]
    notes = [f"- {line}" for line in (*sentences(result), *machine(result))]
    return "\n".join([*lines, "", *notes])
