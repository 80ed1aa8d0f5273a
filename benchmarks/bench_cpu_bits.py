"""How long a training step of the small model takes on this CPU with 32-bit weights, and with 16-bit ones (bfloat16; LoRA in float32).

Both models stand in memory and take turns, step by step, on the same random tokens (8 sequences of 48, as the demo's questions are long);
the ratio is of the medians. What the demo's figures become is measured by the demo itself (`pelton demo --train-flag=--bits=32`).

Run: `python benchmarks/bench_cpu_bits.py` (writes `benchmarks/results/bench_cpu_bits.json`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SEED, ROWS, LENGTH, WARM_UP = 1, 8, 48, 2


def step(model: Any, tokens: Any) -> float:
    """Seconds of one forward and backward pass."""
    started = time.monotonic()
    model(input_ids=tokens, labels=tokens).loss.backward()
    model.zero_grad()
    return time.monotonic() - started


def measure(rounds: int) -> dict[str, Any]:
    import torch

    import trainer_node  # noqa: F401 - sets how threads wait, as in a run
    from trainer_node.models.adapters import add_lora
    from trainer_node.models.gguf import default_model
    from trainer_node.models.loader import load_model
    from trainer_node.models.placement import cpu_has_bfloat16

    models = {bits: add_lora(load_model(default_model(), bits=bits, device="cpu")).model.train() for bits in (32, 16)}
    torch.manual_seed(SEED)
    tokens = torch.randint(100, 40_000, (ROWS, LENGTH))
    seconds: dict[int, list[float]] = {bits: [] for bits in models}
    for number in range(WARM_UP + rounds):
        for bits, model in models.items():
            took = step(model, tokens)
            if number >= WARM_UP:
                seconds[bits].append(round(took, 4))
    medians = {bits: statistics.median(runs) for bits, runs in seconds.items()}
    return {
        "threads": torch.get_num_threads(),
        "bfloat16_in_hardware": cpu_has_bfloat16(),
        "rows": ROWS,
        "tokens_each": LENGTH,
        "step_s": seconds,
        "median_step_s": medians,
        "speedup_of_16_bits": round(medians[32] / medians[16], 3),
        "speedups_by_round": [round(full / half, 3) for full, half in zip(seconds[32], seconds[16], strict=True)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    from benchmarks.record import Record

    record = Record("bench_cpu_bits", options, {"tokens": SEED})
    found = measure(options.rounds)
    record.write(found)
    print(json.dumps({name: found[name] for name in ("median_step_s", "speedup_of_16_bits")}))


if __name__ == "__main__":
    main()
