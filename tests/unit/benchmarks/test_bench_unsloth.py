"""What docs/performance.md claims is what was measured: on the stored results of bench_unsloth, and on results made up to be known."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import bench_unsloth_report as report  # noqa: E402 - benchmarks are scripts, not a package

RESULTS = json.loads((ROOT / "benchmarks" / "results" / "bench_unsloth.json").read_text())


def best(shape: str) -> dict[str, Any]:
    return next(row for row in RESULTS["summary"] if row["shape"] == shape)


def runs(shape: str) -> dict[str, Any]:
    return RESULTS["shapes"][shape]["configurations"]


@pytest.mark.parametrize("shape", ["135M", "1.2B", "8B"])
def test_speed_and_memory_hold_in_one_configuration(shape: str) -> None:
    row = best(shape)
    assert row["configuration"].startswith("pelton")
    assert row["speedup"] >= report.REQUIRED_SPEEDUP
    assert row["vram_ratio"] <= report.REQUIRED_VRAM
    assert row["speedup"] >= report.AIM_SPEEDUP
    assert max(row["vram_ratio"], row["reserved_ratio"]) <= report.AIM_VRAM


@pytest.mark.parametrize("shape", ["135M", "1.2B", "8B"])
def test_even_the_slowest_round_is_faster_than_the_floor(shape: str) -> None:
    assert min(best(shape)["speedup_spread"]) >= report.REQUIRED_SPEEDUP


@pytest.mark.parametrize("shape", ["135M", "1.2B", "8B"])
def test_the_loss_curve_is_no_further_off_than_another_seed_puts_it(shape: str) -> None:
    noise = next(row for row in RESULTS["summary"] if row["configuration"] == "hf, another LoRA seed")
    assert best(shape)["relative_loss_gap"] <= noise["relative_loss_gap"] <= report.LOSS_NOISE
    losses = runs(shape)["hf"]["losses"]
    assert losses[-1] < losses[0] - 0.5, "nothing was learned, so curves prove nothing"


@pytest.mark.parametrize("shape", ["135M", "1.2B", "8B"])
def test_both_sides_saw_the_same_samples_warmed_up_in_at_least_five_rounds(shape: str) -> None:
    result = RESULTS["shapes"][shape]
    assert result["warm_up"] >= 5
    seen = {json.dumps([real for real, _ in run["tokens"]]) for run in runs(shape).values()}
    assert len(seen) == 1
    for run in runs(shape).values():
        assert len(run["seconds_per_step"]) == result["blocks"] >= 5
        settings = {key: run["facts"][0][key] for key in ("lr", "betas", "eps", "weight_decay", "clip")}
        assert settings == {"lr": 0.0002, "betas": [0.9, 0.999], "eps": 1e-08, "weight_decay": 0.0, "clip": 1.0}
    assert result["accumulation"] == 1


def test_without_padding_to_save_the_floor_still_holds() -> None:
    control = RESULTS["controls"]["1.2B, all samples of 256 tokens"]["summary"]
    row = next(row for row in control if row["configuration"] == "pelton on hf")
    assert row["speedup"] >= report.REQUIRED_SPEEDUP
    assert row["vram_ratio"] <= report.REQUIRED_VRAM


def test_the_summary_follows_from_the_raw_runs() -> None:
    again = [row for shape, result in RESULTS["shapes"].items() for row in report.summarize(shape, result)]
    assert again == RESULTS["summary"]


def test_the_page_shows_the_stored_table() -> None:
    assert report.table(RESULTS) in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


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
    }
    return {
        "configurations": configurations,
        "warm_up": 2,
        "blocks": 3,
        "steps": 1,
        "accumulation": 1,
        "batch": 1,
        "mean_square_length": 1e4,
    }


def test_a_speed_up_is_the_median_over_rounds_of_the_same_samples() -> None:
    rows = {row["configuration"]: row for row in report.summarize("135M", made_up())}
    assert rows["lean"]["speedup"] == statistics.median([2.0, 4.0, 3.0])
    assert rows["lean"]["speedup_spread"] == [2.0, 4.0]
    assert rows["lean"]["vram_ratio"] == 0.3
    assert rows["lean"]["tokens_per_second"] == 100
    assert "broken" not in rows


def test_speed_bought_with_memory_or_with_another_loss_is_no_result() -> None:
    order = [row["configuration"] for row in report.summarize("135M", made_up())]
    assert order[0] == "lean"
    assert set(order[1:3]) == {"fat", "wrong"}


def test_model_flops_are_forward_and_the_gradients_of_activations() -> None:
    shape = report.SHAPES["135M"]
    layer = 2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536
    weights = shape["num_hidden_layers"] * layer + 49152 * 576
    assert report.model_flops("135M", 1000, 0) == 4 * weights * 1000
    assert report.model_flops("135M", 0, 2.0) == 3.5 * 2 * 30 * 576 * 2.0


def test_a_later_run_of_a_shape_is_a_control_and_controls_stay(tmp_path: Path) -> None:
    stored, again, out = ROOT / "benchmarks" / "results" / "bench_unsloth.json", tmp_path / "again.json", tmp_path / "out.json"
    shape = RESULTS["shapes"]["1.2B"]
    some = {name: shape["configurations"][name] for name in ("hf", "unsloth")}
    again.write_text(json.dumps(RESULTS | {"shapes": {"1.2B": shape | {"configurations": some}}, "controls": {}}))
    report.merge(out, [stored, again])
    merged = json.loads(out.read_text())
    assert merged["summary"] == RESULTS["summary"]
    assert merged["controls"].keys() == RESULTS["controls"].keys() | {"1.2B, unsloth"}
    assert [row["configuration"] for row in merged["controls"]["1.2B, unsloth"]["summary"]] == ["unsloth", "hf"]
