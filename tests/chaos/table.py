"""The lines of all runs as a table in plain text, and as data."""

import json
from dataclasses import asdict

COLUMNS = ["fault, under load", "held", "sent", "answered", "failed: listed", "not", "acknowledged", "found", "lost",
           "doubled", "unsent", "longest s", "what was seen"]
SUMS = ["sent", "answered", "listed", "unlisted", "acknowledged", "found", "lost", "doubled", "unsent"]


def total(lines, name):
    values = [getattr(line, name) for line in lines if getattr(line, name) is not None]
    return sum(values) if values else None


def verdict(line):
    """Of one run, in words."""
    return f"left out: {line.left_out}" if line.left_out else "held" if line.held else "did NOT hold"


def cells(lines):
    """Of all runs of one fault: sums, the longest answer, and what was seen in the last one."""
    resent = [f"{lines[-1].resent} sent again: their kept connection was just being closed"] if lines[-1].resent else []
    longest = [line.longest for line in lines if line.longest is not None]
    return [
        lines[0].title, f"{sum(line.held for line in lines)}/{len(lines)}",
        *("-" if total(lines, name) is None else f"{total(lines, name):,}" for name in SUMS),
        f"{max(longest):.2f}" if longest else "-", "; ".join([*lines[-1].seen, *resent]) or lines[-1].left_out or "-",
    ]  # fmt: skip


def text(runs):
    """`runs`: the lines of each fault, by name."""
    rows = [COLUMNS, *map(cells, runs.values())]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    widths[-1] = 0  # the last column is as long as it is
    numbers = range(2, len(COLUMNS) - 1)
    return "\n".join("  ".join(cell.rjust(width) if at in numbers else cell.ljust(width)
                               for at, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def write_json(path, runs):
    data = {name: [asdict(line) for line in lines] for name, lines in runs.items()}
    path.write_text(json.dumps(data, indent=1) + "\n")
