"""The judge's own answers (`bench_judge`) in eight styles: how many keep the verdict on what was asked.

Form is not content: bold, bullets, a heading, a quotation, JSON, typographic characters, emoji and invisible characters, capitals.

Run: `python benchmarks/bench_styles.py` (writes `benchmarks/results/bench_styles.json`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from bench_judge import ANSWERS, HELD_OUT, countries_graph, elements_graph, is_asked, share  # noqa: E402

from benchmarks.record import Record  # noqa: E402
from feedback_node.extraction.extractor import TripletExtractor  # noqa: E402
from feedback_node.hearing import prepare  # noqa: E402
from feedback_node.reward import judge_output  # noqa: E402
from schemas.model_output import ModelOutput  # noqa: E402
from schemas.triplet import Verdict  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402


def _lines(text: str, mark: str) -> str:
    return "\n".join(f"{mark}{line}" for line in text.splitlines())


def _curly(text: str) -> str:
    text = re.sub(r'"([^"\n]*)"', "“\\1”", text)
    return text.replace("'", "’").replace(" ", "\u00a0", 1)


STYLES: dict[str, Callable[[str], str]] = {
    "bold": lambda text: re.sub(r"\b([A-Z][a-z]+)\b", r"**\1**", text),
    "bullets": lambda text: "\n".join(f"- {part}" for part in re.split(r"(?<=[a-z]{3}[.!?])\s+(?=[A-Z])", text)),
    "heading": lambda text: f"# Answer\n\n{text}",
    "quotation": lambda text: _lines(text, "> "),
    "json": lambda text: json.dumps({"answer": text}, ensure_ascii=False),
    "typographic": _curly,
    "emoji": lambda text: "✅ " + text.replace(" ", " \u200b", 3) + " 🎉",
    "capitals": str.upper,
}


def verdict(row: dict[str, str], answer: str, graph: Hypergraph, extractor: TripletExtractor) -> str:
    """What is said of what was asked: contradicted, verified or neither."""
    utterance = prepare(row["question"], answer, graph)
    (found,) = extractor.extract([utterance.text], [utterance.names])
    output = ModelOutput(prompt_id="p", prompt=row["question"], completion=answer, model_version="m")
    judged = judge_output(output, found, graph, utterance=utterance)
    verdicts = {one.verdict for one in judged.triplets if not one.triplet.hedged and is_asked(row, graph, one)}
    return "contradicted" if Verdict.CONTRADICTED in verdicts else "verified" if Verdict.VERIFIED in verdicts else "neither"


def main() -> None:
    """Judge all in all styles, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take each n-th answer only")
    parser.add_argument("--show", action="store_true", help="list answers whose verdict changes")
    arguments = parser.parse_args()
    record = Record("bench_styles", arguments, {})
    rows = [json.loads(line) for path in (ANSWERS, HELD_OUT) for line in path.read_text(encoding="utf-8").splitlines()][:: arguments.every]
    graphs = {"countries": countries_graph(), "elements": elements_graph()}
    extractors = {domain: TripletExtractor(graph.ontology) for domain, graph in graphs.items()}
    same = dict.fromkeys(STYLES, 0)
    turned = dict.fromkeys(STYLES, 0)
    for row in rows:
        tools = graphs[row["domain"]], extractors[row["domain"]]
        plain = verdict(row, row["answer"], *tools)
        for name, style in STYLES.items():
            got = verdict(row, style(row["answer"]), *tools)
            same[name] += got == plain
            turned[name] += {got, plain} == {"verified", "contradicted"}
            if arguments.show and got != plain:
                print(name, plain, got, row["question"], "|", row["answer"][:150])
    report: dict[str, Any] = {
        "answers": len(rows),
        "same_verdict": {name: share(count, len(rows)) for name, count in same.items()},
        "verified_for_contradicted_or_the_reverse": turned,
    }
    record.write(report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
