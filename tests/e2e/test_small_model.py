"""The main job with the real small model, from end to end. In a file of its own: it takes minutes, and runs beside the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_process import DEADLINE_S, check, finish, start_demo

pytestmark = pytest.mark.timeout(DEADLINE_S + 120)
FACTS = 34
"""Countries asked about: over half of what a person is shown. However busy the machine, all that is asked for has room."""


@pytest.mark.slow
def test_the_small_model_learns_the_facts_it_is_asked_about_and_from_pairs_of_its_own_answers(tmp_path: Path):
    """The promise of the main job: wrong answers on held-out wordings down by at least 60 %, reward up, coverage not lower; each arrow
    carries something."""
    summary = finish(start_demo(tmp_path / "run", "--countries", str(FACTS), "--further", "0", "--seconds", str(DEADLINE_S)))
    check(summary, tmp_path / "run")
    assert 1 - summary["accuracy_after"] <= 0.4 * (1 - summary["accuracy_before"])
    assert summary["reward_avg_after"] > summary["reward_avg_before"]
    assert summary["coverage_after"] >= summary["coverage_before"]
    assert summary["variants_trained"] > 0
    assert summary["pairs_trained"] > 0
    assert summary["questions"] == FACTS
    assert summary["questions_control"] > 0
    assert summary["control_accuracy_after"] < summary["accuracy_after"]
    assert summary["memory_peak_bytes"] < 6 * 2**30
