"""What docs/performance.md claims is what was measured, by what `pelton train` builds: on stored results and made-up ones, and on a CPU."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bench_unsloth_report as report
from benchmarks import bench_unsloth_worker as worker
from benchmarks.record import RESULTS as FOLDER
from benchmarks.record import ROOT
from tests.models.tiny import build

RESULTS = json.loads((FOLDER / "bench_unsloth.json").read_text())
FRONTS = report.front(RESULTS)
SHAPES = sorted({"1.2B", *FRONTS})


def rows(shape: str) -> list[dict[str, Any]]:
    return report.summarize(FRONTS[shape], report.loss_noise(RESULTS, shape))


def runs(shape: str) -> dict[str, Any]:
    return {name: run for name, run in FRONTS[shape]["configurations"].items() if "error" not in run}


@pytest.mark.parametrize("shape", SHAPES)
def test_speed_and_memory_hold_in_one_configuration(shape: str) -> None:
    row = rows(shape)[0]
    assert row["configuration"].startswith("pelton")
    assert row["speedup"] >= report.AIM_SPEEDUP
    assert max(row["vram_ratio"], row["reserved_ratio"]) <= report.AIM_VRAM


@pytest.mark.parametrize("shape", SHAPES)
def test_even_the_slowest_round_is_faster_than_the_floor(shape: str) -> None:
    assert min(rows(shape)[0]["speedup_spread"]) >= report.REQUIRED_SPEEDUP


@pytest.mark.parametrize("shape", SHAPES)
def test_the_loss_curve_is_no_further_off_than_another_seed_puts_it(shape: str) -> None:
    assert rows(shape)[0]["relative_loss_gap"] <= report.loss_noise(RESULTS, shape)
    losses = runs(shape)["hf"]["losses"]
    assert losses[-1] < losses[0] - 0.5, "nothing was learned, so curves prove nothing"


@pytest.mark.parametrize("shape", SHAPES)
def test_all_sides_saw_the_same_samples_warmed_up_in_at_least_five_rounds(shape: str) -> None:
    result = FRONTS[shape]
    assert result["warm_up"] >= 5
    seen = {json.dumps([real for real, _ in run["tokens"]]) for run in runs(shape).values()}
    assert len(seen) == 1
    for run in runs(shape).values():
        assert len(run["seconds_per_step"]) == result["blocks"] >= 5
        settings = {key: run["facts"][0][key] for key in ("lr", "betas", "eps", "weight_decay", "clip")}
        assert settings == {"lr": 0.0002, "betas": [0.9, 0.999], "eps": 1e-08, "weight_decay": 0.0, "clip": 1.0}


def test_without_padding_to_save_the_floor_still_holds() -> None:
    control = next(run for run in RESULTS["runs"] if run["comparison"] == "equal lengths")
    row = next(row for row in report.summarize(control, float("inf")) if row["configuration"] == "pelton on hf")
    assert row["speedup"] >= report.REQUIRED_SPEEDUP
    assert row["vram_ratio"] <= report.REQUIRED_VRAM


def test_the_page_shows_the_stored_table() -> None:
    assert report.table(RESULTS) in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


def test_pelton_s_side_trains_by_the_trainer_node_s_own_classes(tmp_path: Path) -> None:
    """On a CPU, by the path a CPU has; the losses are those of all tokens but each sample's first."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps([[5 + (sample + n) % 40 for n in range(4 + sample % 3)] for sample in range(8)]))
    config = {
        "side": "pelton", "backend": "hf", "bits": 32, "model": str(build(tmp_path / "model")), "tokens": str(tokens),
        "scratch": str(tmp_path), "batch": 2, "warm_up": 1, "blocks": 3, "steps": 1,
    }  # fmt: skip
    said: list[tuple[str, dict[str, Any]]] = []
    worker.run(config, lambda event, **values: said.append((event, values)), lambda: None)
    assert [event for event, _ in said] == ["ready", "block", "block", "block", "block", "done"]
    done = said[-1][1]
    assert [real for real, _ in done["tokens"]] == [9, 10, 11, 9]
    assert len(done["losses"]) == 4
    assert done["facts"][0]["lr"] == 2e-4
    assert done["facts"][0]["lora_B"] == 0.0 < done["facts"][1]["lora_B"]
    trainer = worker.pelton(config)
    assert type(trainer).__module__ == "trainer_node.training.sft"


def made_up() -> dict[str, Any]:
    def run(seconds: list[float], peak: int, losses: list[float]) -> dict[str, Any]:
        tokens = [[100, 400]] * 5
        return {"seconds_per_step": seconds, "peak_bytes": peak, "reserved_bytes": peak, "losses": losses, "tokens": tokens}

    configurations = {
        "hf": run([2.0, 4.0, 3.0], 1000, [10.0, 9.0, 8.0, 7.0, 6.0]),
        "lean": run([1.0, 1.0, 1.0], 300, [10.0, 9.0, 8.0, 7.0, 6.001]),
        "fat": run([0.1, 0.1, 0.1], 301, [10.0, 9.0, 8.0, 7.0, 6.0]),
        "wrong": run([0.1, 0.1, 0.1], 100, [10.0, 9.0, 8.1, 7.1, 6.1]),
        "broken": {"error": "out of memory"},
        "hf, another LoRA seed": run([2.0, 4.0, 3.0], 1000, [10.0, 9.0, 8.01, 7.01, 6.0]),
    }
    sizes = {"warm_up": 2, "blocks": 3, "steps": 1, "batch": 1, "mean_square_length": 1e4}
    return {"shape": "135M", "comparison": "front", "configurations": configurations} | sizes


def summary_of_made_up() -> list[dict[str, Any]]:
    run = made_up()
    return report.summarize(run, report.loss_noise({"runs": [run]}, "135M"))


def test_a_speed_up_is_the_median_over_rounds_of_the_same_samples() -> None:
    found = {row["configuration"]: row for row in summary_of_made_up()}
    assert found["lean"]["speedup"] == statistics.median([2.0, 4.0, 3.0])
    assert found["lean"]["speedup_spread"] == [2.0, 4.0]
    assert found["lean"]["vram_ratio"] == 0.3
    assert found["lean"]["tokens_per_second"] == 100
    assert "broken" not in found


def test_speed_bought_with_memory_or_with_another_loss_is_no_result() -> None:
    order = [row["configuration"] for row in summary_of_made_up()]
    assert order[0] == "lean"
    assert set(order[1:3]) == {"fat", "wrong"}


def test_the_noise_of_another_seed_is_taken_where_the_shape_has_it_else_from_one_that_has() -> None:
    run, other = made_up(), made_up() | {"shape": "8B"}
    del other["configurations"]["hf, another LoRA seed"]
    own = report.loss_noise({"runs": [run, other]}, "135M")
    assert own == pytest.approx(statistics.mean([0, 0, 0.01, 0.01, 0]) / 8, rel=1e-3)
    assert report.loss_noise({"runs": [run, other]}, "8B") == own


def test_model_flops_are_forward_and_the_gradients_of_activations() -> None:
    shape = report.SHAPES["135M"]
    layer = 2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536
    weights = shape["num_hidden_layers"] * layer + 49152 * 576
    assert report.model_flops("135M", 1000, 0) == 4 * weights * 1000
    assert report.model_flops("135M", 0, 2.0) == 3.5 * 2 * 30 * 576 * 2.0
