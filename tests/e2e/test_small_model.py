"""The main job with the real small model, from end to end. In a file of its own: it takes minutes, and runs beside the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_process import DEADLINE_S, check, finish, start_demo

pytestmark = pytest.mark.timeout(DEADLINE_S + 120)


@pytest.mark.slow
def test_the_small_model_learns_the_facts_it_is_asked_about(tmp_path: Path):
    """The promise of the main job: wrong answers on held-out wordings down by at least 60 %, reward up, coverage not lower."""
    summary = finish(start_demo(tmp_path / "run"))
    check(summary, tmp_path / "run")
    assert 1 - summary["accuracy_after"] <= 0.4 * (1 - summary["accuracy_before"])
    assert summary["reward_avg_after"] > summary["reward_avg_before"]
    assert summary["coverage_after"] >= summary["coverage_before"]
    assert summary["samples_trained"] == 232
    assert summary["memory_peak_bytes"] < 6 * 2**30
