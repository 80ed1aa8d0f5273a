"""Answers while training: the engine against TRL's default path, and our GRPO against TRL's own trainer, in one interleaved run.

Prompts are `data/rollout_prompts.jsonl`: the demo's questions, some after earlier questions and answers, 36 to 359 tokens under the default
model's template. Each of a round's 16 prompts is answered 8 times, sampled at temperature 1, up to `--new` tokens or the end token. With
random weights (`--model 1b`), 1 of 40 tokens ends an answer. All sides answer the same prompts under a LoRA of rank 16 that has been moved
off zero. Counted are the tokens of answers, end token included.

Sides of `--part answers`: `trl` is what GRPOTrainer does by default (PEFT's model, `generate`, one padded batch); `engine` is what the
trainer node does (`trainer_node.models.engine`); `slots` is the engine over PEFT's own forward pass. `--part gap`: how far the engine's
log-probabilities are from those of one forward pass of the trainer. `--part grpo`: whole steps, TRL's GRPOTrainer and ours, the same reward
function in the process.

Run: `python benchmarks/bench_rollout.py --model FOLDER|135m|1b [--bits 16|4] [--part answers|gap|grpo] [--rounds 8] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.bench_feed import random_model  # noqa: E402
from benchmarks.record import Record  # noqa: E402

PROMPTS = ROOT / "benchmarks" / "data" / "rollout_prompts.jsonl"
AT_ONCE, TIMES, SEED, RANK = 16, 8, 3, 16


def main() -> None:
    """Measure one part, and keep the raw times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="135m", help="a folder, or 135m or 1b with random weights")
    parser.add_argument("--bits", type=int, default=16)
    parser.add_argument("--part", choices=("answers", "gap", "grpo"), default="answers")
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4, help="of --part grpo, in a block")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    arguments.model = Path(arguments.model) if Path(arguments.model).is_dir() else arguments.model
    record = Record("bench_rollout", arguments, {"sampling and LoRA": SEED})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.model)
        random = not folder.is_dir()
        folder = random_model(arguments.model, Path(scratch)) if random else folder
        bench = Bench(arguments, folder, random, Path(scratch))
        result = {"answers": bench.answers, "gap": bench.gap, "grpo": bench.grpo}[arguments.part]()
    record.keep(result, key=lambda run: (run["part"], run["model"], run["bits"], run.get("device")))
    print(json.dumps(result["summary"]))


class Bench:
    """Both sides of one model."""

    def __init__(self, arguments: argparse.Namespace, folder: Path, random: bool, scratch: Path) -> None:
        import torch

        self.torch, self.arguments, self.folder, self.random, self.scratch = torch, arguments, folder, random, scratch
        self.device = "cuda:0" if torch.cuda.is_available() else "cpu"
        self.tokenizer = self.ours().tokenizer
        rows = [json.loads(line)["messages"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
        self.prompts = [self.tokenizer.apply_chat_template(row, add_generation_prompt=True)["input_ids"] for row in rows]
        ends = torch.randperm(len(self.tokenizer), generator=torch.Generator().manual_seed(SEED))[: len(self.tokenizer) // 40]
        self.stops = ends.tolist() if random else [self.tokenizer.eos_token_id]

    def ours(self) -> Any:
        """What the trainer node trains and answers with."""
        from trainer_node.models.adapters import add_lora
        from trainer_node.models.loader import load_model

        if not hasattr(self, "_ours"):
            loaded = load_model(self.folder, self.arguments.bits, backend="hf", device=self.device)
            self._ours = loaded._replace(model=moved(add_lora(loaded.model, r=RANK)))
        return self._ours

    def peft(self) -> Any:
        """What a user of TRL makes of the same folder."""
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        if not hasattr(self, "_peft"):
            options: dict[str, Any] = {}
            if self.arguments.bits == 4:
                dtype = self.torch.bfloat16
                options["quantization_config"] = BitsAndBytesConfig(
                    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
                )
            dtype = self.torch.bfloat16 if self.arguments.bits < 32 else self.torch.float32
            model = AutoModelForCausalLM.from_pretrained(self.folder, dtype=dtype, device_map={"": self.device}, **options)
            lora = LoraConfig(r=RANK, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
            self._peft = moved(get_peft_model(model, lora))
        return self._peft

    def round(self, number: int) -> list[list[int]]:
        """A step's prompts, each as often as it is answered."""
        start = number * AT_ONCE
        chosen = [self.prompts[(start + i) % len(self.prompts)] for i in range(AT_ONCE)]
        return [prompt for prompt in chosen for _ in range(TIMES)]

    # --- answers -------------------------------------------------------------------------------------------------------------------

    def answers(self) -> dict[str, Any]:
        """Tokens a second of each side, round by round in turns; the first round of each is not counted."""
        sides: dict[str, Callable[[int], list[int]]] = {"trl": self.by_trl, "engine": self.by_engine, "slots": self.by_slots}
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for number in range(self.arguments.rounds + 1):
            for side, answer in sides.items():
                self._wait()
                began = time.perf_counter()
                lengths = answer(number)
                self._wait()
                runs[side].append({"seconds": time.perf_counter() - began, "tokens": sum(lengths), "longest": max(lengths)})
        rates = {side: [run["tokens"] / run["seconds"] for run in found[1:]] for side, found in runs.items()}
        summary = {side: round(median(found)) for side, found in rates.items()}
        ratios = [fast / slow for fast, slow in zip(rates["engine"], rates["trl"], strict=True)]
        summary |= {"ratio": round(median(ratios), 2), "from": round(min(ratios), 2), "to": round(max(ratios), 2)}
        prompt_lengths = [len(prompt) for prompt in self.prompts]
        return self._result(summary, {"runs": runs, "prompt_tokens": prompt_lengths})

    def by_trl(self, number: int) -> list[int]:
        """As `GRPOTrainer._generate_single_turn` does it without vLLM; returns the lengths of the answers."""
        from transformers import GenerationConfig

        torch, prompts, pad = self.torch, self.round(number), self.tokenizer.pad_token_id
        width = max(map(len, prompts))
        ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self.device)
        settings = GenerationConfig(
            max_new_tokens=self.arguments.new,
            do_sample=True,
            pad_token_id=pad,
            eos_token_id=self.stops,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
        )
        torch.manual_seed(number)
        with torch.no_grad():
            output = self.peft().eval().generate(input_ids=ids, attention_mask=mask, generation_config=settings)
        ends = torch.isin(output[:, width:], torch.tensor(self.stops, device=self.device)).int()
        first = torch.where(ends.any(1), ends.argmax(1) + 1, ends.shape[1])
        return list(first.tolist())

    def by_engine(self, number: int) -> list[int]:
        """As the trainer node does it."""
        if not hasattr(self, "_engine"):
            self._engine = self._engine_of(self.ours().model)
        return [len(answer.tokens) for answer in self._ask(self._engine, number)]

    def by_slots(self, number: int) -> list[int]:
        """The engine over PEFT's forward pass, as for models that the fast path does not take."""
        from trainer_node.models.engine.decoders import ModelDecoder
        from trainer_node.models.engine.engine import Engine

        if not hasattr(self, "_slots"):
            self._slots = Engine(ModelDecoder(self.peft()), self.stops)
        return [len(answer.tokens) for answer in self._ask(self._slots, number)]

    def _engine_of(self, model: Any) -> Any:
        from trainer_node.fast.decode import slot_decoder
        from trainer_node.models.engine.decoders import ModelDecoder
        from trainer_node.models.engine.engine import Engine

        return Engine(slot_decoder(model) or ModelDecoder(model), self.stops)

    def _ask(self, engine: Any, number: int) -> Any:
        from trainer_node.models.engine import Sampling, key_of

        prompts = self.round(number)
        keys = [key_of("bench", number, index) for index in range(len(prompts))]
        return engine.answer(prompts, self.arguments.new, Sampling(1.0), keys)

    # --- the gap -------------------------------------------------------------------------------------------------------------------

    def gap(self) -> dict[str, Any]:
        """|difference| in nats of the sampled tokens' log-probabilities: the engine's, and one forward pass over prompt and answer."""
        from trainer_node.fast import token_losses

        torch, gaps = self.torch, []
        engine, model = self._engine_of(self.ours().model), self.ours().model
        for number in range(self.arguments.rounds):
            for prompt, answer in zip(self.round(number), self._ask(engine, number), strict=True):
                ids = torch.tensor([prompt + answer.tokens], device=self.device)
                labels = ids.clone()
                labels[:, : len(prompt)] = -100
                with torch.no_grad():
                    nll, mask = token_losses(model.train(), {"input_ids": ids, "labels": labels})
                own = torch.tensor(answer.log_probabilities, device=self.device)
                gaps.append((own + nll[mask]).abs())
        every = torch.cat(gaps).double()
        outside = ((every > 0.2231).double()).mean().item()  # ln(1.25) = 0.2231, -ln(0.8) = 0.2231
        summary = {
            "tokens": every.numel(), "mean": round(every.mean().item(), 4), "p99": round(every.quantile(0.99).item(), 4),
            "most": round(every.max().item(), 4), "ratios_outside": round(outside, 5),
        }  # fmt: skip
        return self._result(summary, {})

    # --- whole steps ---------------------------------------------------------------------------------------------------------------

    def grpo(self) -> dict[str, Any]:
        """Samples a second (completions) of both trainers, block by block in turns; the first block of each is not counted."""
        sides = {"trl": self._trl_block(), "pelton": self._our_block()}
        runs: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(self.arguments.rounds + 1):
            for side, block in sides.items():
                self._wait()
                began = time.perf_counter()
                block(number)
                self._wait()
                runs[side].append(time.perf_counter() - began)
        samples = self.arguments.steps * AT_ONCE * TIMES
        summary = {side: round(samples / median(found[1:]), 1) for side, found in runs.items()}
        ratios = [slow / fast for slow, fast in zip(runs["trl"][1:], runs["pelton"][1:], strict=True)]
        summary |= {"ratio": round(median(ratios), 2), "from": round(min(ratios), 2), "to": round(max(ratios), 2)}
        return self._result(summary, {"seconds": runs})

    def _trl_block(self) -> Callable[[int], None]:
        from datasets import Dataset
        from trl import GRPOConfig, GRPOTrainer

        rows = [json.loads(line)["messages"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
        settings = GRPOConfig(
            output_dir=str(self.scratch / "trl"), per_device_train_batch_size=AT_ONCE * TIMES, num_generations=TIMES, max_steps=10**6,
            max_completion_length=self.arguments.new, learning_rate=1e-6, lr_scheduler_type="constant", beta=0.02, temperature=1.0,
            bf16=self.device != "cpu", use_cpu=self.device == "cpu", gradient_checkpointing=False, logging_steps=10**6, save_strategy="no",
            report_to=[], disable_tqdm=True, seed=SEED,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=self.peft(), reward_funcs=lambda completions, **_: [reward(found[0]["content"]) for found in completions],
            args=settings, train_dataset=Dataset.from_list([{"prompt": row} for row in rows]), processing_class=self.tokenizer,
        )  # fmt: skip

        def block(_: int) -> None:
            trainer.args.max_steps = self.arguments.steps
            trainer.train()

        return block

    def _our_block(self) -> Callable[[int], None]:
        from benchmarks.rollout_trainer import stepping

        rows = [json.loads(line)["messages"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
        return stepping(self.ours(), rows, AT_ONCE, TIMES, self.arguments, self.scratch, reward)

    # -------------------------------------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        if self.device != "cpu":
            self.torch.cuda.synchronize()

    def _result(self, summary: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
        name = self.arguments.model if self.random else self.folder.resolve().name
        about = {"part": self.arguments.part, "model": name, "bits": self.arguments.bits, "device": self.device.split(":")[0]}
        return about | {"summary": summary} | raw


def reward(text: str) -> float:
    """Of an answer, in [0, 1]: any function will do, as long as answers differ by it."""
    return len(set(text)) / (1 + len(text))


def moved(model: Any) -> Any:
    """A LoRA off zero, as after some steps: the same on all sides."""
    import torch

    numbers = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=numbers) * 1e-3)
    return model


if __name__ == "__main__":
    main()
