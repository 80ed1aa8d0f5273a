"""Floors under the pair F1 on the development texts, and the metric itself."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.triple_texts import folded
from feedback_node.extraction.extractor import TripletExtractor

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark, which has the metric."""
    spec = importlib.util.spec_from_file_location("bench_extraction", ROOT / "benchmarks" / "bench_extraction.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_pairs_of_the_development_texts_are_found(bench: ModuleType, extractor: TripletExtractor) -> None:
    scores = bench.quality(extractor)
    assert scores["tune"]["match_f1"] >= 0.87
    assert scores["rare"]["match_f1"] >= 0.80
    assert scores["rare"]["soft_f1"] >= 0.76
    for batch in ("cold1", "cold2", "cold3"):
        assert scores[batch]["match_f1"] >= 0.76
    assert scores["manners"]["match_f1"] >= 0.78
    assert scores["manners_held_back"]["match_f1"] >= 0.73


def test_the_cold_batches_are_those_that_were_measured_cold(bench: ModuleType) -> None:
    first = json.loads(bench.FIRST_RUNS.read_text())["batches"]
    lines = bench.COLD.read_text(encoding="utf-8").splitlines(keepends=True)
    for name, run in first.items():
        batch = [line for line in lines if json.loads(line)["split"] == name]
        assert hashlib.sha256("".join(batch).encode()).hexdigest() == run["sha256_of_lines"]
        assert run["match_f1"] >= 0.65


def test_the_manners_are_those_that_were_measured_cold(bench: ModuleType) -> None:
    first = json.loads(bench.MANNERS_RUNS.read_text())
    lines = bench.MANNERS.read_text(encoding="utf-8").splitlines(keepends=True)
    for name in ("manners", "manners_held_back"):
        part = [line for line in lines if json.loads(line)["split"] == name]
        assert hashlib.sha256("".join(part).encode()).hexdigest() == first[name]["sha256_of_lines"]
    assert first["manners_held_back"]["held_back_once"]["match_f1"] >= 0.65


def test_the_development_texts_are_many_and_of_many_domains(bench: ModuleType) -> None:
    rows = bench.load_dev()
    assert len(rows) >= 150
    assert len({row["domain"] for row in rows}) >= 20
    assert len({row["text"] for row in rows}) == len(rows)


def test_overlap_ignores_case_punctuation_and_underscores(bench: ModuleType) -> None:
    assert bench.overlap("Wheeler,_Texas", "wheeler texas") == 1
    assert bench.overlap("1,000", "1000") == 1
    assert bench.overlap("the United States", "United States") == pytest.approx(0.8)
    assert bench.overlap("Oslo", "Lima") == 0


def test_a_pair_the_wrong_way_round_scores_nothing(bench: ModuleType) -> None:
    assert bench.score([[("Lima", "Peru")]], [[("Peru", "Lima")]])["match_f1"] == 0


def test_each_gold_pair_is_matched_once(bench: ModuleType) -> None:
    scores = bench.score([[("Peru", "Lima"), ("Peru", "Lima city")]], [[("Peru", "Lima")]])
    assert scores["match_precision"] == 0.5
    assert scores["match_recall"] == 1


def test_soft_counts_the_product_of_both_overlaps(bench: ModuleType) -> None:
    scores = bench.score([[("the United States", "the euro")]], [[("United States", "euro")]])
    assert scores["soft_f1"] == pytest.approx(0.8 * 2 / 3, abs=1e-3)
    assert scores["match_f1"] == 1


@pytest.mark.parametrize(
    ("side", "plain"),
    [
        ("7 May 2004", "2004 5 7"),
        ("2004-05-07", "2004 5 7"),
        ("May the 7th, 2004", "2004 5 7"),
        ("Red Rain opened in Malmö on 7 May 2004.", "Red Rain opened in Malmo on 7 May 2004."),
        ("Falcon Arch (7 May 2004)", "Falcon Arch (7 May 2004)"),
        ("90.0 metres", "90 metres"),
    ],
)
def test_only_what_is_a_date_alone_is_compared_as_one(side: str, plain: str) -> None:
    assert folded(side) == plain
