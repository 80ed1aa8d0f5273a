"""Several processes answer one step's prompts and train on them: they learn what one process learns, whoever of them has rewards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record
from tests.models.tiny import build
from tests.unit.trainer_node.several import start
from trainer_node.commit.raised_step import RaisedStep
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, Suspicion, WaitingSample
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Command, ProcessGroup
from trainer_node.distributed.sharding_plan import Sharding
from trainer_node.kinds import TrainerKind
from trainer_node.run.follower import Follower
from trainer_node.training.ppo import micro_batches

pytestmark = pytest.mark.processes

NEW_TOKENS = 6
EOS = 1
"""The tiny model's."""


@dataclass(frozen=True)
class Job:
    """One training over these steps of prompts."""

    model: str
    folder: Path
    trainer: TrainerKind
    steps: list[list[str]]
    """Prompt ids of each step."""
    processes: int = 2
    rows: int = 4
    """Prompts of a whole step."""
    unjudged: tuple[str, ...] = ()
    """What gets no reward: all answers of a prompt, `p1`, or in a group one of them, `p1/2`."""
    accumulation: int = 1
    broken_step: int | None = None
    """The second process's loss is not a number in this one."""
    sharding: Sharding | None = None
    raises: str | None = None
    """Nobody can answer this prompt; the first step raised for it at an earlier start."""

    @property
    def config(self) -> TrainConfig:
        sizes = {"lora_r": 4, "batch_size": self.rows // self.processes, "max_new_tokens": NEW_TOKENS, "accumulation": self.accumulation}
        rl = {"num_generations": 4, "beta": 0.1, "ppo_epochs": 2}
        return TrainConfig(model=self.model, backend="hf", bits=32, lr=1e-2, max_seq=64, trainer=self.trainer, **sizes, **rl)


def sample(sample_id: str) -> TrainingSample:
    turns = (Turn(role="user", content=f"what is {sample_id[1:]}?"),)
    return TrainingSample(sample_id=sample_id, objective=Objective.PROMPT, task=Task.RLHF_GRPO, band=0, prompt=turns)


def work(rank: int, job: Job) -> None:
    """One process of a job; writes down what it has learnt."""
    fix_answers(job.config.num_generations)
    if rank == 1 and job.broken_step:
        break_loss(job.broken_step)
    if job.raises:
        refuse(job.raises)
    group = ProcessGroup.join(job.sharding)
    if rank:
        follower = Follower(job.config, group)
        follower.run()
        note(job, rank, follower.loaded)
    else:
        lead(job, group)


def fix_answers(generations: int) -> None:
    """What is sampled follows from the prompt: in a group, any tokens; for PPO, the policy's own, which its first pass must know.

    Sampled freely, each process would go another way than one process alone does.
    """
    from peft import PeftModelForCausalLM

    own = PeftModelForCausalLM.generate

    def generate(self: Any, **asked: Any) -> Any:
        torch.manual_seed(7)
        output = own(self, **asked)
        if asked.get("return_dict_in_generate"):
            return output
        prompts = [ids[mask.bool()].tolist() for ids, mask in zip(asked["input_ids"], asked["attention_mask"], strict=True)]
        answers = [answer_to(prompt, row % generations) for row, prompt in enumerate(prompts)]
        return torch.cat([asked["input_ids"], torch.tensor(answers, device=output.device)], dim=1)

    PeftModelForCausalLM.generate = generate


def answer_to(prompt: list[int], number: int) -> list[int]:
    """NEW_TOKENS tokens, with EOS somewhere among them or not."""
    chance = torch.Generator().manual_seed(sum(prompt) * 10 + number)
    length = int(torch.randint(2, NEW_TOKENS + 1, (1,), generator=chance))
    return (torch.randint(5, 30, (length,), generator=chance).tolist() + [EOS] * NEW_TOKENS)[:NEW_TOKENS]


def break_loss(step: int) -> None:
    from trainer_node.training.grpo import StreamGRPOTrainer

    compute = StreamGRPOTrainer.compute_loss

    def broken(self: Any, *args: Any, **kwargs: Any) -> Any:
        return compute(self, *args, **kwargs) * (float("nan") if self.source.batch.step == step else 1.0)

    StreamGRPOTrainer.compute_loss = broken  # type: ignore[method-assign]


def refuse(prompt_id: str) -> None:
    from trainer_node.training.sampler import Sampler

    answer = Sampler.__call__

    def refusing(self: Any, rows: Any, *args: Any) -> Any:
        refused = prepare(sample(prompt_id), self._tokenizer, TrainConfig(model="")).prompt_ids  # type: ignore[union-attr]
        if any(row["prompt"] == refused for row in rows):
            raise ValueError("nobody knows")
        return answer(self, rows, *args)

    Sampler.__call__ = refusing  # type: ignore[method-assign]


def lead(job: Job, group: ProcessGroup) -> None:
    """What the node does on rank 0, without a broker."""
    from trainer_node.models.restore import load_for_training
    from trainer_node.training.callbacks import StepCallback
    from trainer_node.training.factory import build_source, ready_trainer

    config = job.config
    group.send(Command.LOAD, None)
    loaded = load_for_training(config, None, group.sharding)
    answers = config.num_generations
    asked: list[str] = []
    steps: list[dict[str, Any]] = []

    def judge(step: int, prompts: list[TrainingSample], texts: list[str]) -> list[float | None]:
        """By the prompt and, in a group, the answer's number."""
        found: list[float | None] = []
        for prompt in prompts:
            number = asked.count(prompt.sample_id) % answers
            asked.append(prompt.sample_id)
            left_out = {prompt.sample_id, f"{prompt.sample_id}/{number}"} & set(job.unjudged)
            found.append(None if left_out else (int(prompt.sample_id[1:]) * 3 + number * 5) % 7 / 7)
        return found

    def batches() -> Iterator[StepBatch]:
        for number, ids in enumerate(job.steps):
            samples = [sample(sample_id) for sample_id in ids]
            items = [WaitingSample(Record("t", 0, 0, None, b"", (), 0), one, prepare(one, loaded.tokenizer, config)) for one in samples]
            raised = RaisedStep(1, ids, "ValueError: nobody knows", 1) if job.raises and not number else None
            yield StepBatch(number + 1, 1, Objective.PROMPT, items, Suspicion(raised=raised) if raised else None)

    def before() -> None:
        undone = sorted(trainer.undo_bad_step())
        steps.append({"undone": undone, "loss": source.step_loss(), "unrewarded": sorted(source.unrewarded()), "asked": list(asked)})
        asked.clear()

    chosen = batches()
    group.send(Command.TRAIN, job.trainer, None)
    trainer = ready_trainer(job.trainer, loaded, config, job.folder, [StepCallback(before, lambda: None)], None)
    pad = loaded.tokenizer.pad_token_id
    source = build_source(job.trainer, config, pad, lambda: next(chosen, None), judge, group)
    trainer.feed_from(source)
    trainer.train()
    group.close()
    note(job, 0, loaded, steps)


def note(job: Job, rank: int, loaded: Any, steps: list[dict[str, Any]] | None = None) -> None:
    adapter = {name: weight.tolist() for name, weight in loaded.model.named_parameters() if ".default." in name}
    (job.folder / f"seen-{rank}.json").write_text(json.dumps({"adapter": adapter, "steps": steps}))


def run(job: Job) -> list[dict[str, Any]]:
    """What each of its processes saw; all have learnt the same."""
    job.folder.mkdir()
    start(work, job, job.processes)
    seen = [json.loads((job.folder / f"seen-{rank}.json").read_text()) for rank in range(job.processes)]
    assert all(one["adapter"] == seen[0]["adapter"] for one in seen)
    return seen


def assert_same_learning(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert [step["unrewarded"] for step in one["steps"]] == [step["unrewarded"] for step in other["steps"]]
    for mine, theirs in zip(one["steps"], other["steps"], strict=True):
        assert mine["undone"] == theirs["undone"] == []
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-3, abs=1e-5)
    for name, weight in one["adapter"].items():
        torch.testing.assert_close(torch.tensor(weight), torch.tensor(other["adapter"][name]), rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build(tmp_path_factory.mktemp("tiny")))


@pytest.mark.parametrize("trainer", [TrainerKind.GRPO, TrainerKind.RLOO])
def test_two_processes_learn_in_groups_what_one_does_with_the_same_global_batch(tmp_path, model, trainer):
    """Steps of 4 prompts, and of 3 and 1, of which one process has fewer; answers without a reward: some, or all of a process."""
    steps = [["p0", "p1", "p2", "p3"], ["p4", "p5", "p6"], ["p7"], ["p8", "p9", "p2", "p3"], ["p11", "p12", "p1", "p5"]]
    unjudged = ("p1/2", "p5/0", "p8", "p9", "p12")
    two = Job(model, tmp_path / "two", trainer, steps, unjudged=unjudged, accumulation=2)
    one = Job(model, tmp_path / "one", trainer, steps, processes=1, unjudged=unjudged, accumulation=2)
    [first, _], [alone] = run(two), run(one)
    assert [step["asked"] for step in first["steps"]] == [[name for name in step for _ in range(4)] for step in steps], "each answer once"
    assert [step["unrewarded"] for step in first["steps"]] == [[], [], [], ["p8", "p9"], ["p12"]]
    assert_same_learning(first, alone)


def test_two_processes_with_sharded_weights_learn_by_grpo_what_one_does(tmp_path, model):
    steps = [["p0", "p1", "p2", "p3"], ["p4", "p5", "p6"], ["p7"]]
    two = Job(model, tmp_path / "two", TrainerKind.GRPO, steps, unjudged=("p1/2", "p3"), sharding=Sharding())
    one = Job(model, tmp_path / "one", TrainerKind.GRPO, steps, processes=1, unjudged=("p1/2", "p3"))
    [first, _], [alone] = run(two), run(one)
    assert_same_learning(first, alone)


def test_two_processes_learn_by_ppo_the_mean_of_what_each_would(tmp_path, model):
    """Each has the prompts that one process alone has: so it learns the same. TRL whitens advantages at each process."""
    two = Job(model, tmp_path / "two", TrainerKind.PPO, [["p0", "p1", "p0", "p1"], ["p2", "p3", "p2", "p3"]])
    one = Job(model, tmp_path / "one", TrainerKind.PPO, [["p0", "p1"], ["p2", "p3"]], processes=1, rows=2)
    [first, _], [alone] = run(two), run(one)
    assert_same_learning(first, alone)


def test_a_process_without_a_rewarded_answer_takes_the_steps_of_the_others_in_ppo(tmp_path, model):
    """A step of one prompt is learnt as by one process; where one of two has no reward, it goes along; without any, nothing is learnt."""
    steps = [["p0"], ["p1", "p2", "p3", "p4"], ["p3", "p4"]]
    two = Job(model, tmp_path / "two", TrainerKind.PPO, steps, unjudged=("p3", "p4"), accumulation=2)
    alone = Job(model, tmp_path / "one", TrainerKind.PPO, [["p0"]], processes=1, rows=1)
    single = Job(model, tmp_path / "single", TrainerKind.PPO, [["p0"]])
    first, _ = run(two)
    assert [step["unrewarded"] for step in first["steps"]] == [[], ["p3", "p4"], ["p3", "p4"]]
    assert [step["loss"] is None for step in first["steps"]] == [False, False, True]
    assert_same_learning(run(single)[0], run(alone)[0])


def test_a_loss_that_is_not_a_number_in_one_process_undoes_the_step_in_all(tmp_path, model):
    steps = [["p0", "p1", "p2", "p3"], ["p4", "p5", "p6", "p7"]]
    first, _ = run(Job(model, tmp_path / "broken", TrainerKind.GRPO, steps, broken_step=2))
    sound, _ = run(Job(model, tmp_path / "sound", TrainerKind.GRPO, steps[:1]))
    assert [step["undone"] for step in first["steps"]] == [[], steps[1]]
    assert first["adapter"] == sound["adapter"]


@pytest.mark.parametrize("trainer", [TrainerKind.GRPO, TrainerKind.PPO])
def test_a_step_that_ended_two_processes_is_tried_by_both_alike_and_trained_without_the_prompt_that_raises(tmp_path, model, trainer):
    """What is left of it is learnt as if the other had never been there; what two of its prompts teach, PPO learns as one process does."""
    rest = {TrainerKind.GRPO: ["p4", "p5", "p6"], TrainerKind.PPO: ["p4", "p4"]}[trainer]
    apart = Job(model, tmp_path / "apart", trainer, [[rest[0], "p13", *rest[1:]], ["p7", "p8"]], raises="p13")
    clean = Job(model, tmp_path / "clean", trainer, [rest, ["p7", "p8"]])
    [first, _], [wanted, _] = run(apart), run(clean)
    assert [step["undone"] for step in first["steps"]] == [["p13"], []]
    assert [set(step["asked"]) for step in first["steps"]] == [set(rest), {"p7", "p8"}], "no answer of a trial is judged"
    first["steps"][0]["undone"] = []
    assert_same_learning(first, wanted)


@pytest.mark.parametrize(
    ("rows", "most", "parts"), [([5], 4, 3), ([4, 4], 2, 2), ([4, 3], 4, 2), ([5, 4], 3, 2), ([5, 1], 4, 1), ([1], 4, 1)]
)
def test_all_processes_cut_their_rows_into_as_many_micro_batches(rows: list[int], most: int, parts: int):
    assert micro_batches(rows, most) == parts
    for count in rows:
        size = -(-count // parts)
        assert len(range(0, count, size)) == parts
