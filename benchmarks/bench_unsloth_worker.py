"""One configuration of bench_unsloth, in a process of its own: loads, then trains block by block when told to.

Reads commands (one word a line) on stdin and answers with JSON lines: `ready`, a `block` for each `go`, `done` with losses and versions.
Unsloth patches Transformers and TRL when imported, so the baseline must never share a process with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "bias": "none"}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA_SEED = 3407


def main() -> None:
    # Libraries print; the answers have a channel of their own.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    config = json.loads(sys.argv[1])

    def answer(event: str, **values: Any) -> None:
        print(json.dumps({"event": event} | values), file=channel)

    try:
        run(config, answer)
    except BaseException as error:  # noqa: BLE001 - whatever ends it is a result
        traceback.print_exc()
        answer("error", error=f"{type(error).__name__}: {error}"[:600])


def run(config: dict[str, Any], answer: Any) -> None:
    started = time.perf_counter()
    model, tokenizer = MODELS[config["side"]](config)
    import torch

    set_lora(model, config.get("lora_seed", LORA_SEED))
    trainer, losses = build_trainer(model, tokenizer, config)
    if config["side"] == "fast":
        from trainer_node.fast import fuse_loss

        fuse_loss(trainer.model)
    answer("ready", seconds=time.perf_counter() - started, allocated=torch.cuda.memory_allocated())
    facts: list[dict[str, Any]] = []
    trainer.add_callback(turns(config, answer))
    trainer.add_callback(witness(facts))
    torch.cuda.reset_peak_memory_stats()
    trainer.train()
    answer(
        "done",
        losses=torch.stack(losses).tolist(),
        tokens=[[int(real), padded] for real, padded in trainer.pelton_tokens],
        versions=versions(),
        facts=facts,
    )


def hugging_face(config: dict[str, Any]) -> tuple[Any, Any]:
    """PEFT's QLoRA recipe: NF4, double-quantised, bfloat16 arithmetic, `prepare_model_for_kbit_training`, LoRA on all linear layers."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config["model"])
    model = AutoModelForCausalLM.from_pretrained(config["model"], dtype=torch.bfloat16, device_map={"": config.get("device", "cuda:0")})
    model = prepare_model_for_kbit_training(
        model, use_gradient_checkpointing=config["checkpointing"], gradient_checkpointing_kwargs={"use_reentrant": False}
    )
    return get_peft_model(model, LoraConfig(target_modules=TARGETS, task_type="CAUSAL_LM", **LORA)), tokenizer


def unsloth(config: dict[str, Any]) -> tuple[Any, Any]:
    """Unsloth by its own recipe."""
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(config["model"], max_seq_length=1024, load_in_4bit=True, use_exact_model_name=True)
    options = config.get("options", {})
    return FastLanguageModel.get_peft_model(model, target_modules=TARGETS, random_state=LORA_SEED, **LORA, **options), tokenizer


def fast(config: dict[str, Any]) -> tuple[Any, Any]:
    """Pelton: load_model and add_lora, the fast path on."""
    from trainer_node.models.adapters import add_lora
    from trainer_node.models.loader import load_model

    loaded = load_model(config["model"], bits=config.get("bits", 4), max_seq=1024, backend=config["backend"], device=config.get("device"))
    loaded = add_lora(loaded, fast=True, keep=config["keep"], offload=config.get("offload", False), graph=config.get("graph", False))
    return loaded.model, loaded.tokenizer


MODELS = {"hf": hugging_face, "unsloth": unsloth, "fast": fast}


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


def build_trainer(model: Any, tokenizer: Any, config: dict[str, Any]) -> tuple[Any, list[Any]]:
    """TRL's SFTTrainer over the prepared tokens in their order, and the list its losses go to."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    samples = json.loads(Path(config["tokens"]).read_text())
    steps = config["warm_up"] + config["blocks"] * config["steps"] + config.get("profile", 0)
    args = SFTConfig(
        output_dir=config["scratch"], per_device_train_batch_size=config["batch"], gradient_accumulation_steps=config["accumulation"],
        max_steps=steps, learning_rate=2e-4, lr_scheduler_type="constant", weight_decay=0.0, optim="adamw_torch_fused", bf16=True,
        gradient_checkpointing=config.get("checkpointing", False), gradient_checkpointing_kwargs={"use_reentrant": False},
        activation_offloading=config.get("activation_offloading", False), train_sampling_strategy="sequential", max_length=1024,
        logging_steps=10, save_strategy="no", report_to=[], disable_tqdm=True, seed=0,
    )  # fmt: skip
    trainer = SFTTrainer(model=model, args=args, train_dataset=Dataset.from_dict({"input_ids": samples}), processing_class=tokenizer)
    if config.get("float32_adapters"):
        for weight in trainer.model.parameters():
            weight.data = weight.data.float() if weight.requires_grad else weight.data
    losses: list[Any] = []
    ordinary = trainer.compute_loss
    trainer.pelton_tokens = []

    def compute_loss(wrapped: Any, inputs: Any, *rest: Any, **kwargs: Any) -> Any:
        mask = inputs.get("attention_mask")
        padded = inputs["input_ids"].numel()
        trainer.pelton_tokens.append((padded if mask is None else mask.sum(), padded))
        result = ordinary(wrapped, inputs, *rest, **kwargs)
        losses.append((result[0] if isinstance(result, tuple) else result).detach().float())
        return result

    trainer.compute_loss = compute_loss
    return trainer, losses


def turns(config: dict[str, Any], answer: Any) -> Any:
    """A callback that trains a block of steps for each `go`, and says how long it took and what memory it needed."""
    import torch
    from transformers import TrainerCallback

    ends = [config["warm_up"] + block * config["steps"] for block in range(config["blocks"] + 1)]

    class Turns(TrainerCallback):
        start = 0.0
        profiler: Any = contextlib.nullcontext()

        def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step in (0, *ends):
                sys.stdin.readline()
                if state.global_step == ends[-1]:
                    self.profiler = torch.profiler.profile()
                    self.profiler.__enter__()
                torch.cuda.synchronize()
                self.start = time.perf_counter()

        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step in ends:
                torch.cuda.synchronize()
                seconds = time.perf_counter() - self.start
                peak, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
                answer("block", step=state.global_step, seconds=seconds, peak=peak, reserved=reserved)
            elif state.global_step == state.max_steps:
                torch.cuda.synchronize()
                wall = time.perf_counter() - self.start
                self.profiler.__exit__(None, None, None)
                Path(config["profile_to"]).write_text(profile_text(self.profiler, wall, config["profile"]))
                answer("block", step=state.global_step, seconds=wall, peak=0, reserved=0)

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


def profile_text(profiler: Any, wall: float, steps: int) -> str:
    """Where the time of a step goes: on the device and on the host."""
    averages = profiler.key_averages()
    kernels = [event for event in averages if event.device_type.name == "CUDA"]  # the host's events repeat their time
    device = sum(event.self_device_time_total for event in kernels) / 1e3
    launches = sum(event.count for event in kernels)
    head = (
        f"wall {wall / steps * 1e3:.1f} ms/step (profiled), device busy {device / steps:.1f} ms/step, {launches // steps} launches/step\n"
    )
    by_device = averages.table(sort_by="self_cuda_time_total", row_limit=28, max_name_column_width=70)
    by_host = averages.table(sort_by="self_cpu_time_total", row_limit=22, max_name_column_width=70)
    return head + by_device + "\n" + by_host


def versions() -> dict[str, str]:
    """Of the packages that matter here."""
    from importlib import metadata

    names = ("torch", "triton", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "unsloth", "unsloth_zoo", "xformers")
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


if __name__ == "__main__":
    main()
