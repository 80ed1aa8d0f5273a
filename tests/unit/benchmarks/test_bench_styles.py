"""Form is not content: answers of the judge's own sets keep their verdicts in the styles of `bench_styles`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "benchmarks")]

from bench_judge import ANSWERS, HELD_OUT, countries_graph  # noqa: E402
from bench_styles import STYLES, verdict  # noqa: E402

from feedback_node.extraction.extractor import TripletExtractor  # noqa: E402


def test_the_judges_own_answers_keep_their_verdicts_in_other_styles():
    rows = [json.loads(line) for path in (ANSWERS, HELD_OUT) for line in path.read_text(encoding="utf-8").splitlines()]
    graph = countries_graph()
    extractor = TripletExtractor(graph.ontology)
    changed = []
    for row in [row for row in rows if row["domain"] == "countries"][::40]:
        plain = verdict(row, row["answer"], graph, extractor)
        got = {name: verdict(row, style(row["answer"]), graph, extractor) for name, style in STYLES.items() if name != "capitals"}
        changed += [(name, row["answer"]) for name, one in got.items() if one != plain]
    assert not changed
