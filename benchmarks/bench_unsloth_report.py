"""What bench_unsloth's runs say: speed, memory and loss against the baseline, and the page's table of them."""

from __future__ import annotations

import statistics
from typing import Any

BASELINE, OTHER_SEED = "hf", "hf, another LoRA seed"
FRONT = "front"
"""Name of the comparison of a shape that the page's table shows; others are controls."""
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 49152, "tie_word_embeddings": True},  # noqa: E501
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True},  # noqa: E501
    "1.2B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": True},  # noqa: E501
    "8B": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False},  # noqa: E501
}  # fmt: skip
"""`tiny` tries the scripts out."""
PEAK_FLOPS = 989e12
"""Dense bfloat16 of an H100 or H200 (SXM) by its data sheet; the share of it that the model's own arithmetic takes is the MFU."""
REQUIRED_SPEEDUP, REQUIRED_VRAM = 1.7, 0.6
AIM_SPEEDUP, AIM_VRAM = 1.8, 0.3


def model_flops(shape: str, tokens: float, square: float) -> float:
    """Arithmetic a LoRA step cannot do without: forward, and backward to the activations only; recomputation is not counted.

    2 FLOP per weight and token each way, for the layers and the output; attention's causal half is 2 * hidden * length forward and
    2.5 times that backward (`square` is the sum of the squared lengths).
    """
    s = SHAPES[shape]
    kv = s["hidden_size"] // s["num_attention_heads"] * s["num_key_value_heads"]
    layer = 2 * s["hidden_size"] ** 2 + 2 * s["hidden_size"] * kv + 3 * s["hidden_size"] * s["intermediate_size"]
    weights = s["num_hidden_layers"] * layer + s["vocab_size"] * s["hidden_size"]
    return 4 * weights * tokens + 3.5 * 2 * s["num_hidden_layers"] * s["hidden_size"] * square


def summarize(run: dict[str, Any], noise: float) -> list[dict[str, Any]]:
    """Each configuration of a comparison against the baseline, best first: by speed, those that are a result, then the others.

    A result is within the aim's memory, both allocated and reserved, and its losses are no further from the baseline's than `noise`
    (relative to the loss).
    """
    runs = {n: r for n, r in run["configurations"].items() if "error" not in r}
    rows = [_row(run, name, runs[name], runs[BASELINE]) for name in runs]
    return sorted(rows, key=lambda row: (not is_result(row, noise), -row["speedup"]))


def loss_noise(document: dict[str, Any], shape: str) -> float:
    """Gap between the recipe's losses with two LoRA seeds, over the loss: at this shape, else at the smallest where both ran."""
    found = {
        name: _row(run, OTHER_SEED, run["configurations"][OTHER_SEED], run["configurations"][BASELINE])["relative_loss_gap"]
        for name, run in front(document).items()
        if OTHER_SEED in run["configurations"]
    }
    return found.get(shape, next(iter(found.values())))


def _row(run: dict[str, Any], name: str, ours: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    ratios = [b / o for b, o in zip(base["seconds_per_step"], ours["seconds_per_step"], strict=True)]
    gap = statistics.mean(abs(b - o) for b, o in zip(base["losses"], ours["losses"], strict=True))
    timed = base["tokens"][run["warm_up"] : run["warm_up"] + run["blocks"] * run["steps"]]
    tokens = statistics.mean(real for real, _ in timed)
    square = run["mean_square_length"] * run["batch"]
    median = statistics.median(ours["seconds_per_step"])
    return {
        "shape": run["shape"],
        "configuration": name,
        "speedup": round(statistics.median(ratios), 3),
        "speedup_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "vram_ratio": round(ours["peak_bytes"] / base["peak_bytes"], 4),
        "reserved_ratio": round(ours["reserved_bytes"] / base["reserved_bytes"], 4),
        "loss_gap": round(gap, 5),
        "relative_loss_gap": round(gap / statistics.mean(base["losses"]), 6),
        "mfu": round(model_flops(run["shape"], tokens, square) / median / PEAK_FLOPS, 4),
        "seconds_per_step": round(median, 4),
        "peak_gib": round(ours["peak_bytes"] / 2**30, 3),
        "reserved_gib": round(ours["reserved_bytes"] / 2**30, 3),
        "tokens_per_second": round(tokens / median),
    }


def is_result(row: dict[str, Any], noise: float) -> bool:
    """Whether a configuration counts towards the aim; its speed is another question."""
    return max(row["vram_ratio"], row["reserved_ratio"]) <= AIM_VRAM and row["relative_loss_gap"] <= noise


def front(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The comparison of each shape that the table shows, smallest shape first."""
    found = {run["shape"]: run for run in document["runs"] if run["comparison"] == FRONT}
    return {shape: found[shape] for shape in SHAPES if shape in found}


def table(document: dict[str, Any]) -> str:
    """The front as Markdown, each shape's best configuration first."""
    heads = ("shape", "configuration", "speed-up (by round)", "VRAM", "reserved", "s/step", "peak GiB", "loss gap", "MFU")
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for row in (row for shape, run in front(document).items() for row in summarize(run, loss_noise(document, shape))):
        low, high = row["speedup_spread"]
        lines.append(
            f"| {row['shape']} | {row['configuration']} | {row['speedup']:.2f} ({low:.2f} to {high:.2f}) | {row['vram_ratio']:.2f} "
            f"| {row['reserved_ratio']:.2f} | {row['seconds_per_step']:.3f} | {row['peak_gib']:.2f} "
            f"| {row['loss_gap']:.4f} | {row['mfu']:.1%} |"
        )
    return "\n".join(lines)
