"""Bands as the arms of a bandit, and the order by the model's own loss."""

from __future__ import annotations

import json

import pytest

from schemas.training_sample import BANDS, Objective
from tests.unit.trainer_node.intake.test_feed import BAND_TOPICS, bench, flat, spread  # noqa: F401 - a fixture
from trainer_node.commit.journal import read_entries
from trainer_node.competence import Form
from trainer_node.curricula import Curriculum
from trainer_node.intake.arms import EVENLY, Arms
from trainer_node.intake.choice import CANDIDATES
from trainer_node.intake.pacing_plan import plan_of

SFT = Objective.SFT
ALL = [True] * BANDS


def plan(curriculum: Curriculum):
    return plan_of(curriculum, Form.ROOT, "auto", None, ends=True)


def test_the_band_whose_loss_changes_most_is_given_most_and_every_band_is_tried():
    arms = Arms()
    assert arms.weights(ALL) == pytest.approx([1 / BANDS] * BANDS), "nothing is known yet"
    for step in range(30):
        arms.saw([2.0, 3.0 - step * 0.1, 2.0, 1.0 + step * 0.02, 2.0], are_progress=False)
    weights = arms.weights(ALL)
    assert sum(weights) == pytest.approx(1)
    assert sorted(range(BANDS), key=lambda band: -weights[band])[:2] == [1, 3], "one falls, one is being forgotten"
    assert min(weights) >= EVENLY / BANDS


def test_a_band_that_was_not_tried_counts_as_much_as_the_best_and_one_that_has_nothing_not_at_all():
    arms = Arms()
    for step in range(10):
        arms.saw([2.0 - step * 0.1, 2.0, None, None, 2.0], are_progress=False)
    weights = arms.weights([True, True, True, True, False])
    assert weights[2] == weights[3] == pytest.approx(weights[0])
    assert weights[4] == 0
    assert arms.weights([False] * BANDS) == [0] * BANDS


def test_the_mean_advantage_is_progress_itself():
    arms = Arms()
    for _ in range(10):
        arms.saw([0.4, 0.0, None, 0.1, 0.1], are_progress=True)
    assert [arm.progress for arm in arms.state] == pytest.approx([0.4, 0.0, None, 0.1, 0.1])


def learn(made, batches: int) -> list[list[str]]:
    """Train, with a loss that falls in band 3 alone."""
    trained = []
    while len(trained) < batches and (batch := made.next()):
        made.feed.trained(batch)
        losses = {item.sample.sample_id: 3.0 - 0.2 * batch.step if item.record.topic == "sft.3" else 1.0 for item in batch.items}
        made.feed.choice.saw(batch, losses)
        trained.append([item.sample.sample_id for item in batch.items])
    return trained


def test_a_run_by_progress_journals_what_it_went_by_and_goes_on_equal_after_a_kill(bench, tmp_path):  # noqa: F811
    log = spread(200)
    before = bench(log, folder=tmp_path / "before", pacing=plan(Curriculum.BANDIT))
    learn(before, 8)
    state, segments = before.feed.snapshot(), before.ledger.seal()
    before.journal.roll("c")
    after_checkpoint = learn(before, 8)
    [entry, *_] = read_entries(before.journal.path("c"))
    assert len(entry.arms) == BANDS
    assert json.loads(state.model_dump_json())["objectives"]["sft"]["pacing"]["arms"] == entry.arms
    again = bench(log, folder=tmp_path / "before", state=state, epoch=2, checkpoint="c", segments=segments, pacing=plan(Curriculum.BANDIT))
    assert learn(again, 8) == after_checkpoint
    assert learn(again, 4) == learn(before, 4)
    third = list(before.feed.snapshot().of(SFT).pacing.taken)
    assert third[3] == max(third), "what is learnt from is given more"


def test_the_self_paced_order_takes_the_smallest_losses_of_what_may_be_next_and_leaves_nothing_behind(bench):  # noqa: F811
    made = bench(spread(160), batch_size=4, pacing=plan(Curriculum.LOSS))
    asked = []

    def score(items):
        asked.append(len(items))
        return [float(item.sample.sample_id[1:]) % 10 for item in items]

    made.feed.choice.score = score
    [first] = made.train(1)
    assert all(int(sample_id[1:]) % 10 <= 3 for sample_id in first), first
    assert max(asked) == CANDIDATES * 4, "a window, not the whole log"
    trained = flat(made.train())
    assert sorted([*first, *trained]) == sorted(f"s{n}" for n in range(160))
    hard = [index for index, sample_id in enumerate(trained) if int(sample_id[1:]) % 10 == 9]
    assert min(hard) < len(trained) // 2, "the oldest are taken, whatever their loss"
    assert sum(hard) / len(hard) > 1.2 * len(trained) / 2


def test_the_self_paced_order_does_not_depend_on_when_records_arrive(bench, tmp_path):  # noqa: F811
    pieces = iter(range(10_000))
    orders = []
    for name, sizes in (("a", lambda: 1000), ("b", lambda: next(pieces) % 4)):
        made = bench(spread(60), folder=tmp_path / name, sizes=sizes, pacing=plan(Curriculum.LOSS))
        made.feed.choice.score = lambda items: [float(item.sample.sample_id[1:]) * 7 % 11 for item in items]
        orders.append(made.train())
    assert orders[0] == orders[1]
