"""`docs/metrics.md`, made of what is declared: `python -m streams.metrics.page` writes it, with `--check` compares it."""

from __future__ import annotations

import sys
from pathlib import Path

from streams.metrics.declared import FAMILIES, LAG, NODES, Family
from streams.metrics.server import FILE, PORTS, PORTS_TRIED

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
HEAD = """# Metrics

<!-- Made by `make schemas` of streams/metrics/declared.py: change that. -->

Each node serves `/metrics`, `/healthz` and `/readyz` on a port of its kind ({ports}), or
on the next free one of {tried} where that is taken. The log says which; `{file}` in the run's folder (the trainer's) or in
`--state-dir` (a worker's) has `node`, `host`, `port`, `pid` and `run_id` while the node lives. `--metrics-port` and `--metrics-host` say
otherwise: a Prometheus of another machine needs `--metrics-host 0.0.0.0`. Of several processes of one training, rank 0 serves.

A node has its own families only, and those of its process (`process_…`, `python_…`). What nobody has measured yet is absent, not 0.
Names of runs that come in messages make 50 runs' series at a time, and `run_id="other"` for the rest; series of a run go away when it
ends, at a worker an hour after its last message. The lag exporter is `pelton lag --serve`; the names that begin with `kafka_` are
kafka_exporter's.
"""


def page() -> str:
    """The whole page."""
    ports = ", ".join(f"{node} {port}" for node, port in PORTS.items())
    parts = [HEAD.format(ports=ports, tried=PORTS_TRIED, file=FILE)]
    for title, mine in (
        ("Of every node", lambda family: set(NODES) <= set(family.nodes)),
        ("Of the trainer", lambda family: family.nodes == ("trainer",)),
        ("Of workers", lambda family: not set(NODES) <= set(family.nodes) and family.nodes not in (("trainer",), LAG)),
        ("Of the lag exporter", lambda family: family.nodes == LAG),
    ):
        rows = [_row(family) for family in FAMILIES.values() if mine(family)]
        parts.append(f"## {title}\n\n| metric | kind | labels | nodes | what |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind} | {labels} | {', '.join(family.nodes)} | {family.text} |"


def main() -> None:
    """Write the page, or with `--check` say whether it is as it should be."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE} is not what streams/metrics/declared.py says: run `make schemas`")


if __name__ == "__main__":
    main()
