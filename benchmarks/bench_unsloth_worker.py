"""One configuration of bench_unsloth, in a process of its own: loads, then trains block by block when told to.

Reads commands (one word a line) on stdin and answers with JSON lines: `ready`, a `block` for each `go`, `done` with losses and facts.
Unsloth patches Transformers and TRL when imported, so the baseline must never share a process with it.

Two kinds of side. `hf` and `unsloth` are what their users run: TRL's SFTTrainer with its own loss, collator and loop. `pelton` is what
`pelton train` builds, by the trainer node's own functions: the loader, `StreamSFTTrainer`, and the stream that hands it the feed's batches.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "bias": "none"}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA_SEED = 3407
LEARNING_RATE, LONGEST = 2e-4, 1024


def main() -> None:
    # Libraries print; the answers have a channel of their own.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    config = json.loads(sys.argv[1])

    def answer(event: str, **values: Any) -> None:
        print(json.dumps({"event": event} | values), file=channel)

    try:
        run(config, answer, told)
    except BaseException as error:  # noqa: BLE001 - whatever ends it is a result
        traceback.print_exc()
        answer("error", error=f"{type(error).__name__}: {error}"[:600])


def told() -> None:
    """Wait for the word to go on; where nobody is left to say it, end."""
    if not sys.stdin.readline():
        raise SystemExit("the benchmark has ended")


def run(config: dict[str, Any], answer: Callable[..., None], wait: Callable[[], object]) -> None:
    """Build the side's trainer, and train; `wait` returns when the next block may begin."""
    started = time.perf_counter()
    trainer = SIDES[config["side"]](config)
    losses, tokens = note_losses(trainer)
    facts: list[dict[str, Any]] = []
    trainer.add_callback(turns(config, answer, wait))
    trainer.add_callback(witness(facts))
    answer("ready", seconds=time.perf_counter() - started)
    DEVICE.begin()
    trainer.train()
    answer("done", losses=[float(loss) for loss in losses], tokens=[[int(real), padded] for real, padded in tokens], facts=facts,
           allocator_retries=DEVICE.retries())  # fmt: skip


# --- the sides ----------------------------------------------------------------------------------------------------------------------


def hugging_face(config: dict[str, Any]) -> Any:
    """PEFT's QLoRA recipe: NF4, double-quantised, bfloat16 arithmetic, `prepare_model_for_kbit_training`, LoRA on all linear layers."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config["model"])
    device, dtype = ("cuda:0", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
    model = AutoModelForCausalLM.from_pretrained(config["model"], dtype=dtype, device_map={"": device})
    model = prepare_model_for_kbit_training(
        model, use_gradient_checkpointing=config["checkpointing"], gradient_checkpointing_kwargs={"use_reentrant": False}
    )
    return trl_trainer(get_peft_model(model, LoraConfig(target_modules=TARGETS, task_type="CAUSAL_LM", **LORA)), tokenizer, config)


def unsloth(config: dict[str, Any]) -> Any:
    """Unsloth by its own recipe."""
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(
        config["model"], max_seq_length=LONGEST, load_in_4bit=True, use_exact_model_name=True
    )
    checkpointing = "unsloth" if config["checkpointing"] else False
    model = FastLanguageModel.get_peft_model(
        model, target_modules=TARGETS, random_state=LORA_SEED, use_gradient_checkpointing=checkpointing, **LORA
    )
    return trl_trainer(model, tokenizer, config)


def trl_trainer(model: Any, tokenizer: Any, config: dict[str, Any]) -> Any:
    """TRL's SFTTrainer over the prepared tokens in their order."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    set_lora(model, config.get("lora_seed", LORA_SEED))
    on_device = torch.cuda.is_available()
    args = SFTConfig(
        output_dir=config["scratch"], per_device_train_batch_size=config["batch"],
        gradient_accumulation_steps=1,  # Unsloth's own default is 2
        max_steps=steps(config), learning_rate=LEARNING_RATE, lr_scheduler_type="constant", weight_decay=0.0, optim="adamw_torch_fused",
        bf16=on_device, use_cpu=not on_device, gradient_checkpointing=config["checkpointing"],
        gradient_checkpointing_kwargs={"use_reentrant": False}, train_sampling_strategy="sequential", max_length=LONGEST,
        logging_steps=10, save_strategy="no", report_to=[], disable_tqdm=True, seed=0,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, args=args, train_dataset=Dataset.from_dict({"input_ids": samples(config)}), processing_class=tokenizer
    )
    if config.get("float32_adapters"):
        for weight in trainer.model.parameters():
            weight.data = weight.data.float() if weight.requires_grad else weight.data
    return trainer


def pelton(config: dict[str, Any]) -> Any:
    """What the trainer node builds for SFT; the samples come as the feed hands them out."""
    from trainer_node.config import TrainConfig
    from trainer_node.kinds import TrainerKind
    from trainer_node.models.restore import load_for_training
    from trainer_node.training.callbacks import StepCallback
    from trainer_node.training.factory import build_source, ready_trainer

    settings = TrainConfig(
        model=config["model"], trainer=TrainerKind.SFT, backend=config["backend"], bits=config["bits"], batch_size=config["batch"],
        max_seq=LONGEST, lr=LEARNING_RATE, lora_r=LORA["r"], alpha=LORA["lora_alpha"], seed=LORA_SEED,
    )  # fmt: skip
    loaded = load_for_training(settings, None)
    set_lora(loaded.model, config.get("lora_seed", LORA_SEED))
    callback = StepCallback(lambda: trainer.undo_bad_step(), lambda: None)
    trainer = ready_trainer(TrainerKind.SFT, loaded, settings, Path(config["scratch"]), [callback], None)
    batches = iter(step_batches(config))
    trainer.feed_from(build_source(TrainerKind.SFT, settings, loaded.tokenizer.pad_token_id, lambda: next(batches, None), None))
    return trainer


SIDES = {"hf": hugging_face, "unsloth": unsloth, "pelton": pelton}


def samples(config: dict[str, Any]) -> list[list[int]]:
    """Token ids, in the order in which every side trains them."""
    found: list[list[int]] = json.loads(Path(config["tokens"]).read_text())
    return found


def steps(config: dict[str, Any]) -> int:
    """All of a run's optimizer steps."""
    whole: int = config["warm_up"] + config["blocks"] * config["steps"]
    return whole


def step_batches(config: dict[str, Any]) -> list[Any]:
    """The samples of each optimizer step, as the feed hands them to the trainer."""
    from schemas.sample import Task
    from schemas.training_sample import Objective, TrainingSample
    from streams.kafka.consumer import Record
    from trainer_node.data.batch import StepBatch, WaitingSample
    from trainer_node.data.examples import Example

    size, ids, batches = config["batch"], samples(config), []
    for step in range(steps(config)):
        numbers = range(step * size, (step + 1) * size)
        made = [TrainingSample(sample_id=f"s{number}", objective="sft", task=Task.GENERATION, band=0, completion="-") for number in numbers]
        items = [
            WaitingSample(Record("bench", 0, number, None, b"", (), 0), sample, Example(ids[number], ids[number]))
            for number, sample in zip(numbers, made, strict=True)
        ]
        batches.append(StepBatch(step + 1, 1, Objective.SFT, items))
    return batches


def set_lora(model: Any, seed: int) -> None:
    """The same A on every side, from the seed alone (backends draw in different orders); B is zero."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name, weight in sorted(model.named_parameters()):
        if "lora_A" in name:
            drawn = torch.empty(weight.shape)
            torch.nn.init.kaiming_uniform_(drawn, a=5**0.5, generator=generator)
            weight.data.copy_(drawn)
        elif "lora_B" in name:
            weight.data.zero_()


# --- what is measured ---------------------------------------------------------------------------------------------------------------


def note_losses(trainer: Any) -> tuple[list[Any], list[Any]]:
    """The lists that each micro-batch's loss and (real, padded) tokens will go to."""
    losses: list[Any] = []
    tokens: list[Any] = []
    ordinary = trainer.compute_loss

    def compute_loss(wrapped: Any, inputs: Any, *rest: Any, **kwargs: Any) -> Any:
        mask = inputs.get("attention_mask")
        padded = inputs["input_ids"].numel()
        tokens.append((padded if mask is None else mask.sum(), padded))
        result = ordinary(wrapped, inputs, *rest, **kwargs)
        losses.append((result[0] if isinstance(result, tuple) else result).detach().float())
        return result

    trainer.compute_loss = compute_loss
    return losses, tokens


class Device:
    """Time and memory of the device that trains; without CUDA, memory is the process's own."""

    def begin(self) -> None:
        """From here on peaks count."""
        import torch

        self.cuda = torch.cuda if torch.cuda.is_available() else None
        if self.cuda:
            self.cuda.reset_peak_memory_stats()

    def now(self) -> float:
        """Seconds, once all that was begun is done."""
        if self.cuda:
            self.cuda.synchronize()
        return time.perf_counter()

    def peaks(self) -> tuple[int, int]:
        """Bytes that tensors took at most, and that the process held."""
        if self.cuda:
            return self.cuda.max_memory_allocated(), self.cuda.max_memory_reserved()
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return held, held

    def retries(self) -> int:
        """How often memory ran out and the allocator gave back what it held in reserve."""
        return int(self.cuda.memory_stats()["num_alloc_retries"]) if self.cuda else 0


DEVICE = Device()


def turns(config: dict[str, Any], answer: Callable[..., None], wait: Callable[[], object]) -> Any:
    """A callback that trains a block of steps for each `go`, and says how long it took and what memory it needed."""
    from transformers import TrainerCallback

    ends = [config["warm_up"] + block * config["steps"] for block in range(config["blocks"] + 1)]

    class Turns(TrainerCallback):
        start = 0.0

        def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step in (0, *ends):
                wait()
                self.start = DEVICE.now()

        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step in ends:
                seconds = DEVICE.now() - self.start
                peak, reserved = DEVICE.peaks()
                answer("block", step=state.global_step, seconds=seconds, peak=peak, reserved=reserved)

    return Turns()


def witness(facts: list[dict[str, Any]]) -> Any:
    """A callback that notes the optimizer's settings and how far the LoRA weights are after the first steps: the same on every side."""
    from transformers import TrainerCallback

    class Witness(TrainerCallback):
        def note(self, args: Any, state: Any, model: Any, optimizer: Any) -> None:
            group = optimizer.param_groups[0]
            sums = {
                part: sum(w.detach().double().abs().sum().item() for n, w in model.named_parameters() if part in n)
                for part in ("lora_A", "lora_B")
            }
            settings = {key: group[key] for key in ("lr", "betas", "eps", "weight_decay")}
            kinds = sorted({str(w.dtype) for group in optimizer.param_groups for w in group["params"]})
            facts.append(sums | settings | {"step": state.global_step, "clip": args.max_grad_norm, "optimizer": type(optimizer).__name__,
                                            "groups": len(optimizer.param_groups), "dtypes": kinds})  # fmt: skip

        def on_train_begin(self, args: Any, state: Any, _control: Any, model: Any = None, optimizer: Any = None, **_: Any) -> None:
            self.note(args, state, model, optimizer)

        def on_step_end(self, args: Any, state: Any, _control: Any, model: Any = None, optimizer: Any = None, **_: Any) -> None:
            if state.global_step <= 3:
                self.note(args, state, model, optimizer)

    return Witness()


if __name__ == "__main__":
    main()
