"""How much memory training in bf16 on a CPU keeps by sequence length, and what bounding it costs.

oneDNN keeps a compiled primitive for each shape it has met, a thousand of them by default, and PyTorch keeps as many of its own. Batches of
a stream have hundreds of lengths. Each capacity is measured in a process of its own: a Llama of 2 million parameters takes a training step
on batches of `--lengths` different lengths, twice over; and one of 30 layers as wide as SmolLM2's takes steps of few lengths, timed.

Run: `python benchmarks/bench_cpu_lengths.py` (writes `benchmarks/results/bench_cpu_lengths.json`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
VARIABLES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


def measure(lengths: int, seed: int, wide: bool) -> dict[str, Any]:
    """In a process of its own: resident megabytes after each pass over the lengths, and seconds a step."""
    import psutil
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    hidden, layers = (576, 6) if wide else (128, 4)
    config = LlamaConfig(
        vocab_size=4096, hidden_size=hidden, intermediate_size=hidden * 8 // 3, num_hidden_layers=layers, num_attention_heads=4
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    chosen = random.Random(seed).sample(range(16, 16 + max(lengths * 2, 512)), lengths)
    process, held, seconds = psutil.Process(), [], []
    for _ in range(3 if wide else 2):
        for length in chosen:
            began = time.perf_counter()
            ids = torch.randint(0, 4096, (2, length))
            model(input_ids=ids, labels=ids).loss.backward()
            model.zero_grad()
            seconds.append(time.perf_counter() - began)
        held.append(round(process.memory_info().rss / 1e6))
    tail = sorted(seconds[len(seconds) // 2 :])
    return {"rss_mb": held, "step_s": round(tail[len(tail) // 2], 4), "parameters": model.num_parameters()}


def main() -> None:
    """Run each capacity in a process of its own, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, default=400)
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--capacities", type=int, nargs="+", default=[1024, 256, 64, 16])
    parser.add_argument("--child", choices=["narrow", "wide"])
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.lengths, options.seed, options.child == "wide")))
        return
    from benchmarks.record import Record

    record, runs = Record("bench_cpu_lengths", options, {"shapes": options.seed}), []
    for child, lengths in (("narrow", options.lengths), ("wide", 12)):
        for capacity in options.capacities:
            command = [sys.executable, __file__, "--child", child, "--lengths", str(lengths), "--seed", str(options.seed)]
            environ = os.environ | dict.fromkeys(VARIABLES, str(capacity)) | {"OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
            runs.append({"model": child, "lengths": lengths, "capacity": capacity, **json.loads(done.stdout.splitlines()[-1])})
            print(json.dumps(runs[-1]), flush=True)
    record.write({"runs": runs})


if __name__ == "__main__":
    main()
