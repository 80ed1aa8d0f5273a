"""A trainer on a live broker: what it measures on held-out samples, when it stops early, and what it does with bad input."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from schemas.sample import Sample, Split, Task
from schemas.sample_loss import SampleLoss
from schemas.training_sample import BANDS, Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.admin import create_topics, delete_topics
from streams.kafka.consumer import read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, Run, account, same_weights, sample
from tests.models.tiny import build
from tests.unit.trainer_node.several import free_port
from trainer_node.commit.history import BEGINNING, EVALUATION, read_history
from trainer_node.commit.manifest import checkpoints
from trainer_node.run.record import read_record

CONFIG: dict[str, Any] = {
    "lora_r": 4, "lr": 1e-2, "batch_size": 4, "linger_s": 0.2, "checkpoint_steps": 2, "pace_steps": 1, "max_seq": 64, "bits": 32,
    "trainer": "sft",
}  # fmt: skip
POISON = "~"
"""Its embedding is not a number: whatever has it in its text has no finite loss."""


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def poisoned_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    folder = build(tmp_path_factory.mktemp("poisoned"))
    model = LlamaForCausalLM.from_pretrained(folder)
    token = AutoTokenizer.from_pretrained(folder)(POISON)["input_ids"][0]
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    with torch.no_grad():
        model.get_input_embeddings().weight[token] = float("nan")
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def new_run(settings: KafkaSettings, tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(name: str = "run", model: Path = tiny_model, **config: Any) -> Run:
        runs.append(Run(settings, tmp_path, model, name, **CONFIG | config))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def send(settings: KafkaSettings, samples: list[TrainingSample]) -> list[str]:
    """To the easiest band, in this order; the ids of those to be trained on."""
    with Producer(settings) as producer:
        for one in samples:
            producer.send(settings.topics.band(one.objective, 0), one.sample_id, one)
    return [one.sample_id for one in samples if one.split is Split.TRAIN]


def labelled(number: int, split: Split = Split.TRAIN, label: str | None = None) -> TrainingSample:
    """A text of one letter, to be told from the other."""
    return TrainingSample(
        sample_id=f"{split.value}{number}",
        objective=Objective.SFT,
        task=Task.CLASSIFICATION,
        band=0,
        split=split,
        prompt=(Turn(role="user", content=("a " if number % 2 else "z ") * (1 + number % 3)),),
        completion=label or ("yes" if number % 2 else "no"),
        label_set=("yes", "no"),
    )


def dead_lettered(settings: KafkaSettings) -> dict[str, tuple[str, str]]:
    """Reason and error of each dead letter, by sample id."""
    found = {}
    for record in read_range(settings, settings.topics.dead_letters.name):
        headers = {name: value.decode() for name, value in record.headers}
        found[headers["pelton.sample_id"]] = (headers["pelton.reason"], headers["pelton.error"])
    return found


def test_classification_is_measured_by_its_accuracy_on_held_out_samples_and_a_foreign_label_is_dead_lettered(settings, new_run):
    """The labels are easily told apart: in the end the model does, on samples that it was never trained on."""
    held_out = [labelled(number, Split.VALIDATION) for number in range(8)]
    bad = [labelled(100, label="maybe"), labelled(101, Split.VALIDATION, label="perhaps")]
    samples = send(settings, [*held_out, *bad, *(labelled(number) for number in range(64))])
    run = new_run(epochs=3, lora_r=8, batch_size=8)
    run.finish()
    metrics = run.newest.manifest.metrics
    assert metrics["val_metric"] == metrics["val_accuracy"] == 1.0
    assert metrics["val_macro_f1"] == metrics["val_adjusted_rand"] == 1.0
    assert metrics["val_accuracy_baseline"] == 0.5
    rows = read_history(run.folder).to_pylist()
    before = {row["name"]: row["value"] for row in rows if row["kind"] == BEGINNING}
    assert before["val_loss"] > metrics["val_loss"], "measured by the weights it began with, on the same samples"
    perplexity = [before["val_perplexity"], *(row["value"] for row in rows if (row["kind"], row["name"]) == (EVALUATION, "val_perplexity"))]
    assert perplexity[3] <= 0.9 * perplexity[0], "it falls by a tenth over the first three passes"
    assert max(later / earlier for earlier, later in itertools.pairwise(perplexity[:4])) < 1.0, "and in each of them"
    [start] = read_record(run.folder)["starts"]
    assert (start["settings"]["epochs"], start["seed"]) == (3, run.newest.manifest.settings.get("seed", 0))
    data = read_record(run.folder)["data"]["partitions"][f"{settings.topics.band('sft', 0).name}:0"]
    assert (data["first"], data["done_below"]) == (0, 74)
    assert run.newest.manifest.feed.early_stopping.measure == "val_accuracy"
    assert account(run.trained(), [one for one in samples if one != "train100"]) == ALL_THERE_ONCE
    letters = dead_lettered(settings)
    assert set(letters) == {"train100", "validation101"}
    assert letters["train100"] == ("untrainable", "label 'maybe' is not one of yes, no")
    assert letters["validation101"][0] == "untrainable"


@pytest.mark.parametrize("trainer", ["sft", "dpo"])
def test_training_stops_after_three_evaluations_that_are_no_better(settings, new_run, trainer):
    """At a learning rate of nothing the first evaluation stays the best: it ends with the fourth, though there is more to train."""
    objective = Objective.SFT if trainer == "sft" else Objective.PREFERENCE
    held_out = [sample(number, objective, sample_id=f"v{number}", split=Split.VALIDATION) for number in range(4)]
    send(settings, [*held_out, *(sample(number, objective) for number in range(64))])
    run = new_run(trainer=trainer, lr=1e-30, dpo_lr=1e-30, eval_steps=2)
    child = run.finish()
    evaluations = child.log.count(f"evaluating {objective.value} on 4 held-out samples")
    assert evaluations == 4
    state = run.newest.manifest.feed.of(objective)
    assert state.steps == state.early_stopping.at == run.newest.manifest.step < 16, "no step after the fourth"
    assert run.newest.manifest.feed.early_stopping.since_best == 3
    assert "stopping early" in child.log


def test_bad_samples_are_dead_lettered_with_their_reason_and_the_others_are_trained(settings, new_run):
    """When that is done, what the run says last of lag is that nothing waits."""
    good = [sample(number) for number in range(8)]
    bad = [
        sample(100, sample_id="long", completion="a " * 100),
        sample(101, sample_id="long prompt").model_copy(update={"prompt": (Turn(role="user", content="a " * 100),)}),
        sample(102, sample_id="empty", completion=""),
        sample(103, sample_id="blank", completion="  \n"),
        sample(104, sample_id="held out and empty", completion="", split=Split.VALIDATION),
    ]
    samples = send(settings, [*good[:3], *bad, *good[3:]])
    strict = new_run("strict", too_long="dead-letter")
    strict.finish()
    assert account(strict.trained(), [one.sample_id for one in good]) == ALL_THERE_ONCE
    letters = dead_lettered(settings)
    assert {name: reason for name, (reason, _) in letters.items()} == {
        "long": "too_long", "long prompt": "too_long", "empty": "untrainable", "blank": "untrainable", "held out and empty": "untrainable",
    }  # fmt: skip
    assert "max_seq is 64" in letters["long"][1]
    lags = {row["name"]: row["value"] for row in read_history(strict.folder).to_pylist() if row["name"].startswith("lag:")}
    assert lags == {f"lag:sft.{band}": 0 for band in range(BANDS)}
    cutting = new_run("cutting")
    cutting.finish()
    assert account(cutting.trained(), [name for name in samples if name not in ("long prompt", "empty", "blank")]) == ALL_THERE_ONCE


def poisoned(number: int) -> TrainingSample:
    return sample(number, sample_id=f"poison{number}", completion=f"a{POISON}{number}")


def test_a_batch_whose_loss_is_not_a_number_is_dead_lettered_and_named_and_training_goes_on(settings, new_run, poisoned_model):
    """The weights are those of a run that never had it."""
    made = [sample(number) for number in range(12)]
    made[5] = poisoned(5)
    send(settings, made)
    run = new_run(model=poisoned_model, pace_steps=100, checkpoint_steps=100)
    run.finish()
    bad = [one.sample_id for one in made[4:8]]
    assert run.trained() == [one.sample_id for one in made if one.sample_id not in bad]
    assert dead_lettered(settings) == dict.fromkeys(bad, ("nan_loss", "the loss of step 2 was not a number; the step was undone"))
    assert run.newest.manifest.metrics["training_loss"] > 0


def test_three_steps_in_a_row_without_a_finite_loss_stop_the_node_and_lose_nothing(settings, new_run, poisoned_model):
    made = [sample(number) for number in range(20)]
    for number in (4, 9, 15):
        made[number] = poisoned(number)
    send(settings, made)
    run = new_run(model=poisoned_model, pace_steps=100, checkpoint_steps=100)
    child = run.start()
    assert child.wait() == 1
    assert "3 steps in a row had no finite loss; see `pelton dead-letters list --reason nan_loss`" in child.log
    assert set(dead_lettered(settings)) == {one.sample_id for one in made[4:16]}
    run.finish()
    assert account(run.trained(), [one.sample_id for one in (*made[:4], *made[16:])]) == ALL_THERE_ONCE
    assert len(list(read_range(settings, settings.topics.dead_letters.name))) == 12, "each dead-lettered once"


def test_a_step_out_of_memory_is_told_and_after_smaller_batches_every_sample_is_trained_once(settings, new_run):
    """The step really asks for more than the process may have."""
    made = [sample(number, completion="a " * 900) for number in range(48)]
    samples = send(settings, made)
    big = {"batch_size": 48, "max_seq": 1000}
    run = new_run(**big)
    child = run.start(("batch", 1))
    child.wait_for("waiting")
    limit_memory(child.process.pid)
    child.go_on()
    assert child.wait() == 2
    assert "out of memory in step 1: 48 sequences of up to " in child.log
    assert "Nothing is lost: lower --batch-size" in child.log
    assert "Traceback" not in child.log
    run.finish(config={"batch_size": 8})
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def limit_memory(pid: int) -> None:
    """What a process may have more than it has: 64 MB."""
    import resource

    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20), resource.RLIM_INFINITY))


@pytest.mark.parametrize("schedule", ["constant_with_warmup", "cosine_with_restarts"])
def test_a_schedule_goes_on_after_a_kill_as_if_nothing_had_happened(settings, new_run, schedule):
    """The same rates, and so the same weights to the last bit. One cosine is five steps, so the kill stands in the second.

    The constant rate, which is the default, is that of `tests/faults/test_kill.py`.
    """
    send(settings, [sample(number) for number in range(48)])
    how = {"schedule": schedule, "restart_steps": 5, "warmup_steps": 7 if schedule == "constant_with_warmup" else 0, "checkpoint_steps": 3}
    unbroken = new_run("unbroken", **how)
    unbroken.finish()
    killed = new_run("killed", **how)
    child = killed.start(("batch", 8))
    child.wait_for("waiting")
    child.kill()
    killed.finish()
    assert killed.newest.manifest.step == unbroken.newest.manifest.step == 12
    assert same_weights(killed.weights(), unbroken.weights())
    assert rate(killed) == rate(unbroken)
    assert rate(unbroken) == pytest.approx({"cosine_with_restarts": 1e-2 * 0.6545}.get(schedule, 1e-2), rel=1e-3), "cos² of 2/5 of π/2"
    assert len(checkpoints(killed.folder)) == 2


def rate(run: Run) -> float:
    """The learning rate that the next step would have."""
    import torch

    return float(torch.load(run.newest.path / "objectives/sft/scheduler.pt", weights_only=True)["_last_lr"][0])


def test_what_was_trained_is_in_a_checkpoint_once_the_stream_has_fallen_idle(settings, new_run):
    """Nobody sends more, and no pass ends: three samples are less than a checkpoint's steps, and less than a batch."""
    run = new_run(checkpoint_steps=1000)
    child = run.start(until_consumed=False)
    for number in range(2):
        samples = send(settings, [sample(number * 3 + one) for one in range(3)])
        step, ids = child.wait_for("batch")[1:]
        assert ids[2] == samples
        child.listen(lambda event: event[:2] == ("commit", 9) and run.newest.manifest.step == step)  # noqa: B023 - called within
        assert account(run.trained(), [f"s{one}" for one in range(number * 3 + 3)]) == ALL_THERE_ONCE
    child.kill()


def test_a_stream_that_never_falls_idle_is_committed_by_time(settings, new_run):
    run = new_run(checkpoint_steps=1000, checkpoint_every=1.0, batch_size=1, linger_s=0.0)
    send(settings, [sample(number) for number in range(400)])
    child = run.start(until_consumed=False)
    child.wait_for("batch", 1)
    child.listen(lambda event: event[:2] == ("commit", 9) and run.newest.manifest.step > 0)
    assert 0 < run.newest.manifest.step < 400
    child.kill()


def test_a_trainer_that_stopped_on_mostly_bad_records_goes_on_behind_them(settings, new_run):
    with Producer(settings) as producer:
        for number in range(120):
            producer.send_bytes(settings.topics.band(Objective.SFT, 0).name, str(number).encode(), b"{")
    samples = send(settings, [sample(number) for number in range(8)])
    run = new_run()
    starts = 1
    while (child := run.start()).wait() != 0:
        assert "went to the dead letters" in child.log
        starts += 1
        assert starts < 10
    assert starts > 1
    put_away = [letter.offset for letter, _ in read_dead_letters(settings)]
    assert sorted(put_away) == list(range(120))
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_a_changed_learning_rate_counts_from_the_next_step_on_and_what_cannot_change_is_refused_before_the_run_is_claimed(
    settings, new_run, tiny_model, tmp_path
):
    samples = send(settings, [sample(number) for number in range(16)])
    run = new_run()
    run.finish()
    assert rate(run) == 1e-2
    samples += send(settings, [sample(number) for number in range(16, 32)])
    epochs = sorted((run.folder / "epochs").iterdir())
    for wrong, told in (
        ({"alpha": 128}, "--alpha 32, and --alpha 128 is asked for"),
        ({"lora_r": 8}, "--lora-r 4, and --lora-r 8 is asked for"),
        ({"model": str(build(tmp_path / "other", hidden=128))}, "name the model it was trained on, or begin a new run"),
        ({"model": "/no/such"}, "no such file or folder"),
    ):
        child = run.start(config=wrong)
        assert child.wait() == 2
        assert told in child.log
    assert sorted((run.folder / "epochs").iterdir()) == epochs, "none of them has claimed the run"
    child = run.start(config={"lr": 1e-3})
    child.succeed()
    assert "--lr is 0.001 from step" in child.log
    assert rate(run) == 1e-3
    assert account(run.trained(1) + run.trained(2), samples) == ALL_THERE_ONCE  # what came later, in a round of its own


def test_a_topic_that_is_missing_or_a_band_without_one_order_stops_the_start_with_one_line(settings, new_run):
    run = new_run()
    delete_topics(settings, [settings.topics.losses.name])
    child = run.start()
    assert child.wait() == 2
    assert f"topic {settings.topics.losses.name}: missing" in child.log
    band = settings.topics.band(Objective.SFT, 2)
    delete_topics(settings, [band.name])
    create_topics(settings, [settings.topics.losses, replace(band, partitions=3)])
    child = run.start()
    assert child.wait() == 2
    assert f"topic {band.name}: partitions is 3, must be 1" in child.log
    assert not (run.folder / "epochs").exists(), "nothing was claimed"


def test_a_run_that_is_to_end_says_what_nobody_puts_into_bands_and_fails_where_nobody_comes_to_do_it(settings, new_run):
    send(settings, [sample(number) for number in range(4)])
    with Producer(settings) as producer:
        producer.send(settings.topics.samples, "raw", Sample(sample_id="raw", text="not banded"))
    port = free_port()
    run = new_run()
    child = run.start(options={"worker_gone_s": 10.0, "metrics_port": port})
    while "1 records of " not in (ready := readiness(port)):
        assert child.process.is_alive(), child.log
        time.sleep(0.2)
    assert ready.startswith("503 ")
    assert ready.endswith("wait for a curriculum worker, and none is at work: start `pelton worker curriculum`\n")
    assert child.wait() == 2
    assert "none is at work: start `pelton worker curriculum`, then this run again" in child.log.splitlines()[-1]
    assert run.newest.manifest.step == 1, "what had come is trained and kept"


def readiness(port: int) -> str:
    """Status and body of `/readyz`; empty while nobody listens."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return f"{answer.status} {answer.read().decode()}"
    except HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except URLError:
        return ""


@pytest.fixture(scope="module")
def model_without_rewind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of convolutions and attention: what it remembers of a prompt cannot be given to several labels, and its evaluation raises."""
    import torch
    from transformers import AutoTokenizer, Lfm2Config, Lfm2ForCausalLM

    folder = build(tmp_path_factory.mktemp("lfm2"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = Lfm2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, layer_types=["conv", "full_attention"], bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    Lfm2ForCausalLM(config).save_pretrained(folder)
    return folder


def test_labels_are_scored_by_a_model_whose_past_cannot_be_repeated(settings, new_run, model_without_rewind):
    samples = send(
        settings, [*(labelled(number) for number in range(12)), *(labelled(number, Split.VALIDATION) for number in range(12, 16))]
    )
    run = new_run(model=model_without_rewind)
    child = run.finish()
    assert "is left out" not in child.log
    assert "val_accuracy" in run.newest.manifest.metrics
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_an_evaluation_that_raises_is_told_and_costs_nothing_of_what_was_trained(settings, new_run, tiny_model):
    from transformers import AutoTokenizer

    held_out = poisoned(100).model_copy(update={"split": Split.VALIDATION})
    samples = send(settings, [held_out, *(sample(number) for number in range(12))])
    bad = AutoTokenizer.from_pretrained(tiny_model)(POISON)["input_ids"][0]
    run = new_run()
    child = run.finish(raise_on_token=bad)
    assert "the evaluation at step 3 failed, and is left out: IndexError: index out of range in self" in child.log
    assert account(run.trained(), [one for one in samples if one != held_out.sample_id]) == ALL_THERE_ONCE


def test_a_run_that_trains_all_weights_goes_on_without_the_model_it_began_with(settings, new_run, tiny_model, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(tiny_model, base)
    samples = send(settings, [sample(number) for number in range(8)])
    run = new_run(model=base, lora_r=0)
    run.finish()
    shutil.rmtree(base)
    samples += send(settings, [sample(number) for number in range(8, 16)])
    run.finish()
    assert account(run.trained(1) + run.trained(2), samples) == ALL_THERE_ONCE


def test_of_a_batch_that_raises_the_guilty_sample_is_dead_lettered_and_the_others_are_trained_once_whatever_is_killed(
    settings, new_run, tiny_model
):
    from transformers import AutoTokenizer

    made = [sample(number) for number in range(12)]
    made[5] = poisoned(5)
    send(settings, made)
    bad = AutoTokenizer.from_pretrained(tiny_model)(POISON)["input_ids"][0]
    run = new_run(pace_steps=100, checkpoint_steps=100)
    child = run.start(("batch", 3), raise_on_token=bad)
    child.wait_for("waiting")
    child.kill()
    run.finish(raise_on_token=bad)
    assert account(run.trained(), [one.sample_id for one in made if one.sample_id != "poison5"]) == ALL_THERE_ONCE
    assert dead_lettered(settings) == {"poison5": ("untrainable", "its step raised IndexError: index out of range in self")}
    assert len(list(read_range(settings, settings.topics.dead_letters.name))) == 1, "once, though its batch was trained twice"
    losses = [SampleLoss.decode(record.value).sample_id for record in read_range(settings, settings.topics.losses.name)]
    assert set(losses) == {one.sample_id for one in made} - {"poison5"}


def test_where_the_model_is_at_fault_the_run_stops_each_start_says_so_before_it_trains_and_once_mended_nothing_is_missing(
    settings, new_run
):
    samples = send(settings, [sample(number) for number in range(8)])
    run = new_run()
    for number in range(2):
        child = run.start(raise_on_token=-1)
        assert child.wait() == 1
        assert "the model or what runs it is at fault, not the data" in child.log
        assert ("are tried alone" in child.log) == (number == 0)
    assert dead_lettered(settings) == {}
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE


@pytest.mark.parametrize("count", [40, 3])
def test_a_topic_made_anew_is_told_at_a_start_and_while_a_trainer_reads_it_whether_it_is_longer_or_shorter(settings, new_run, count):
    topic = settings.topics.band(Objective.SFT, 0)
    send(settings, [sample(number) for number in range(8)])
    run = new_run(checkpoint_steps=1)
    child = run.start(until_consumed=False)
    child.listen(lambda event: event[:2] == ("commit", 9) and run.newest.manifest.step == 2)
    delete_topics(settings, [topic.name])
    create_topics(settings, [topic])
    send(settings, [sample(number) for number in range(100, 100 + count)])
    assert child.wait() == 2
    assert f"topic {topic.name} was deleted and made anew" in child.log
    assert "--from-checkpoint" in child.log
    again = run.start()
    assert again.wait() == 2
    assert f"topic {topic.name} was deleted and made anew" in again.log
    assert not any(name.startswith("s1") for name in run.trained() if len(name) == 4), "nothing of the other topic"
