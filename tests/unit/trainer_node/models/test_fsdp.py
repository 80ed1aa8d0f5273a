"""Sharded weights: two processes with a shard each train, measure, answer and save what one does with all weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.errors import ConfigError
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record
from tests.models.tiny import build
from tests.unit.trainer_node.several import start
from trainer_node.commit.manifest import own_folder
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Command, ProcessGroup
from trainer_node.distributed.sharding_plan import Sharding
from trainer_node.kinds import TrainerKind
from trainer_node.run.follower import Follower

pytestmark = pytest.mark.processes

STEPS = 10
BATCH = 8
TWO_GPUS = [pytest.mark.gpu, pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")]
DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=TWO_GPUS)])


@dataclasses.dataclass(frozen=True)
class Job:
    """One training over the same batches, by one process or two, with an evaluation and a checkpoint in the middle."""

    model: str
    folder: Path
    device: str
    processes: int = 2
    sharding: Sharding | None = None
    trainer: TrainerKind = TrainerKind.SFT
    bits: int = 32
    checkpoint: Path | None = None
    """Go on from here, with the second half."""

    @property
    def objective(self) -> Objective:
        return Objective.SFT if self.trainer is TrainerKind.SFT else Objective.PREFERENCE

    @property
    def config(self) -> TrainConfig:
        sizes = {"bits": self.bits, "lora_r": 4, "batch_size": BATCH // self.processes, "accumulation": 2}
        return TrainConfig(model=self.model, backend="hf", lr=1e-2, dpo_lr=1e-2, trainer=self.trainer, **sizes)

    def samples(self, start: int, end: int) -> list[TrainingSample]:
        qa, pair = {"task": Task.QA, "completion": "yes"}, {"task": Task.PREFERENCE, "chosen": "yes", "rejected": "no"}
        return [
            TrainingSample(
                sample_id=f"s{n}",
                objective=self.objective,
                band=0,
                prompt=(Turn(role="user", content=f"what is {n}?" + " yes" * (n % 7)),),
                **(qa if self.trainer is TrainerKind.SFT else pair),
            )
            for n in range(start, end)
        ]


def work(rank: int, job: Job) -> None:
    """One process of a job; writes down what it saw."""
    group = ProcessGroup.join(job.sharding)
    if rank == 0:
        lead(job, group)
    else:
        follower = Follower(job.config, group)
        follower.run()
        note(job, rank, follower.loaded)


def lead(job: Job, group: ProcessGroup) -> None:
    """What the node does on rank 0, without a broker."""
    from trainer_node.models.random_state import random_state
    from trainer_node.models.restore import load_for_training, save_for_resume
    from trainer_node.run.trainers import go_on_from
    from trainer_node.training.callbacks import StepCallback
    from trainer_node.training.factory import ready_trainer, spec_of
    from trainer_node.training.step_loader import StepLoader

    config = job.config
    group.send(Command.LOAD, job.checkpoint)
    loaded = load_for_training(config, job.checkpoint, group.sharding)
    tokenizer = loaded.tokenizer
    values: dict[str, float] = {}
    steps: list[tuple[float, float]] = []

    def middle() -> None:
        held_out = job.samples(900, 905)
        group.send_if_sharded(Command.EVALUATE, job.trainer, held_out, 2, ())
        spec, model = spec_of(job.trainer), loaded.model
        found = group.made_alike(lambda: spec.evaluate(trainer, model, tokenizer, held_out, lambda one: prepare(one, tokenizer, config), 2))
        assert found is not None
        values.update(found.values)
        folder = job.folder / "half"
        folder.mkdir()
        save_for_resume({job.objective: trainer}, loaded, folder, group.random_states(random_state()))

    def batches() -> Iterator[StepBatch]:
        for step in range(STEPS // 2 if job.checkpoint else 0, STEPS):
            if step == STEPS // 2 and not job.checkpoint:
                middle()
            samples = job.samples(step * BATCH, (step + 1) * BATCH - step % 2)
            items = [WaitingSample(Record("t", 0, 0, None, b"", (), 0), one, prepare(one, tokenizer, config)) for one in samples]
            yield StepBatch(step + 1, 1, job.objective, items)

    def before() -> None:
        assert not trainer.undo_bad_step()
        grads = [weight.grad for weight in loaded.model.parameters() if weight.grad is not None]
        steps.append((float(loader.step_loss() or 0), float(torch.nn.utils.get_total_norm(grads))))

    stream = batches()
    own = own_folder(job.checkpoint, job.objective) if job.checkpoint else None
    group.send(Command.TRAIN, job.trainer, own)
    trainer = ready_trainer(job.trainer, loaded, config, job.folder, [StepCallback(before, lambda: None)], own)
    if job.checkpoint:
        go_on_from(loaded.model, job.checkpoint, 0, group.size)
    loader = StepLoader(lambda: next(stream, None), config.accumulation, tokenizer.pad_token_id, group)
    trainer.feed_from(loader)
    trainer.train(resume_from_checkpoint=str(own) if own else None)
    answers = answers_of(job, group, loaded)
    group.close()
    note(job, 0, loaded, losses=[loss for loss, _ in steps], norms=[norm for _, norm in steps], answers=answers, values=values)


def answers_of(job: Job, group: ProcessGroup, loaded: Any) -> list[str]:
    from trainer_node.models.generation import answer, as_prompt

    prompts = [as_prompt("what is 3?")]
    group.send_if_sharded(Command.ANSWER, prompts, 0.0, None)
    return group.made_alike(lambda: answer(loaded.model, loaded.tokenizer, prompts, job.config.max_new_tokens))


def note(job: Job, rank: int, loaded: Any, **more: Any) -> None:
    from torch.distributed.tensor import DTensor

    weights = dict(loaded.model.named_parameters())
    base = [weight for name, weight in weights.items() if "lora_" not in name]
    seen = more | {
        "peak": torch.cuda.max_memory_allocated() if job.device == "cuda" else None,
        "adapter": {name: weight.double().sum().item() for name, weight in weights.items() if ".default." in name},
        "sharded": sum(isinstance(weight, DTensor) for weight in weights.values()),
        "base": len(base),
        "held": sum(weight.to_local().numel() if isinstance(weight, DTensor) else weight.numel() for weight in base),
        "all": sum(weight.numel() for weight in base),
    }
    (job.folder / f"seen-{rank}.json").write_text(json.dumps(seen))


def run(job: Job, work: Callable[[int, Job], None] = work) -> list[dict[str, Any]]:
    """What each of its processes saw."""
    job.folder.mkdir()
    start(work, job, job.processes, job.device)
    return [json.loads((job.folder / f"seen-{rank}.json").read_text()) for rank in range(job.processes)]


@DEVICES
@pytest.mark.parametrize("trainer", [TrainerKind.SFT, TrainerKind.DPO])
def test_steps_evaluation_answers_and_checkpoint_with_sharded_weights_are_those_of_one_process(tmp_path, device, trainer):
    """SFT with activations computed anew. Every second batch is not full. Each goes on from the other's checkpoint, too."""
    model = build(tmp_path / "model", hidden=128)
    whole = Job(str(model), tmp_path / "whole", device, processes=1, trainer=trainer)
    recompute = Sharding(recompute=trainer is TrainerKind.SFT)
    sharded = dataclasses.replace(whole, folder=tmp_path / "sharded", processes=2, sharding=recompute)
    [alone], (first, second) = run(whole), run(sharded)
    assert alone["sharded"] == 0
    for seen in (first, second):
        assert seen["sharded"] == seen["base"], "after a pass nothing is whole"
        assert seen["held"] == pytest.approx(seen["all"] / 2, rel=0.01)
    assert first["adapter"] == second["adapter"], "each holds the whole adapter, and the same"
    assert len(alone["losses"]) == STEPS
    assert alone["losses"][-1] < 0.7 * alone["losses"][0], "it learns"
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-3, abs=1e-4)
    assert first["norms"] == pytest.approx(alone["norms"], rel=1e-2, abs=1e-3)
    assert first["values"] == pytest.approx(alone["values"], rel=1e-3, abs=1e-4)
    assert first["answers"] == alone["answers"]

    [alone] = run(dataclasses.replace(whole, folder=tmp_path / "whole-2", checkpoint=sharded.folder / "half"))
    again, _ = run(dataclasses.replace(sharded, folder=tmp_path / "sharded-2", checkpoint=whole.folder / "half"))
    for seen in (alone, again):
        assert seen["losses"] == pytest.approx(first["losses"][STEPS // 2 :], rel=1e-3, abs=1e-4)


def answer_at_length(rank: int, job: Job) -> None:
    """A process that answers prompts of its own, with an end of its own."""
    from trainer_node.models.restore import load_for_training

    group = ProcessGroup.join(job.sharding)
    loaded = load_for_training(job.config, None, group.sharding)
    lengths = [3 + 5 * number for number in (range(2) if group.size == 1 else [rank])]
    answers = [answer_to(loaded, f"what is {length}?", length) for length in lengths]
    assert rank == 0 or group.next_command() == (Command.STOP, ())
    group.close()
    note(job, rank, loaded, answers=answers)


def answer_to(loaded: Any, question: str, length: int) -> list[int]:
    ids = loaded.tokenizer(question, return_tensors="pt")["input_ids"].to(loaded.device)
    return loaded.model.generate(input_ids=ids, max_new_tokens=length, do_sample=False, eos_token_id=None)[0].tolist()  # type: ignore[no-any-return]


@DEVICES
def test_processes_with_sharded_weights_answer_prompts_of_their_own_and_at_their_own_length(tmp_path, device):
    """Each pass of one needs the others': who is done first must not leave."""
    whole = Job(str(build(tmp_path / "model", hidden=128)), tmp_path / "whole", device, processes=1)
    [alone] = run(whole, answer_at_length)
    both = run(dataclasses.replace(whole, folder=tmp_path / "sharded", processes=2, sharding=Sharding()), answer_at_length)
    assert [seen["answers"] for seen in both] == [[answer] for answer in alone["answers"]]


def test_a_layer_that_the_model_does_not_have_is_named(tiny_model):
    from trainer_node.models.fsdp import shard
    from trainer_node.models.restore import load_for_training

    loaded = load_for_training(TrainConfig(model=str(tiny_model), bits=32), None)
    with pytest.raises(ConfigError, match="no layer of class Nothing: leave `fsdp_transformer_layer_cls_to_wrap` out"):
        shard(loaded, Sharding(("LlamaDecoderLayer", "Nothing")))


def enlarged(folder: Path, width: int, layers: int) -> Path:
    """The tiny model's tokenizer with a random model of 16 bits and this size; its activation keeps it from the fast path."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    config.update({"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers, "initializer_range": 0.02})
    config.update({"hidden_act": "gelu"})
    config.update({"num_attention_heads": width // 128, "num_key_value_heads": width // 128, "head_dim": 128})
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")
def test_sharded_weights_take_less_memory_on_each_gpu_than_whole_ones(tmp_path):
    """1.3 B weights of 16 bits: 2.7 GB, half of it on each GPU; a layer is 84 MB, and two of them may be whole at a time."""
    model = enlarged(build(tmp_path / "model"), width=2048, layers=32)
    sharded = Job(str(model), tmp_path / "sharded", "cuda", sharding=Sharding(), bits=16)
    whole = dataclasses.replace(sharded, folder=tmp_path / "whole", sharding=None)
    with_shards, with_all = run(sharded), run(whole)
    size = 2 * with_all[0]["all"]
    gib = [[round(seen["peak"] / 2**30, 2) for seen in both] for both in (with_shards, with_all)]
    print(f"weights {size / 2**30:.2f} GiB; peak GiB of each process with a shard {gib[0]}, with all weights {gib[1]}")  # noqa: T201
    for one, other in zip(with_shards, with_all, strict=True):
        assert one["peak"] < other["peak"] - 0.35 * size
