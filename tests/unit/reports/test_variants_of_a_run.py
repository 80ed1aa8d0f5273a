import pytest

from reports.variants import RunLosses, told, uplift_by_recipe
from schemas.sample_loss import SampleLoss
from schemas.training_sample import TrainingSample


def loss(sample_id, step, value, parent=None, recipe=None):
    generation = int(bool(parent))
    sample = TrainingSample(sample_id=sample_id, objective="sft", task="qa", band=0, parent_id=parent, recipe=recipe, generation=generation)
    return SampleLoss(
        event_id=f"{sample_id}/{step}", run_id="r", pass_number=1, step=step, sample_id=sample_id, loss=value, tokens=1, sample=sample
    )


def run_of(parents, fall, fall_without):
    """Parents with a variant each, and as many samples as hard without."""
    losses = RunLosses()
    for number in range(parents):
        before = 3 + number / 10
        for name, by in ((f"p{number}", fall), (f"c{number}", fall_without)):
            losses.add(loss(name, 1, before))
            losses.add(loss(name, 3, before - by))
        losses.add(loss(f"v{number}", 2, 1.0, f"p{number}", "names"))
    return losses


def test_what_a_recipe_brought_is_the_fall_beyond_that_of_samples_as_hard():
    found = uplift_by_recipe(run_of(20, fall=1.5, fall_without=1.0))
    assert found["names"].pairs == 20
    assert found["names"].mean == pytest.approx(0.5)
    assert uplift_by_recipe(run_of(20, fall=1.0, fall_without=1.0))["names"].mean == pytest.approx(0.0)


def test_a_parent_that_was_not_trained_again_or_has_no_equal_is_in_no_pair():
    losses = run_of(1, 1.0, 1.0)
    losses.add(loss("once", 1, 3.0))
    losses.add(loss("v-once", 2, 1.0, "once", "gaps"))
    losses.add(loss("alone", 1, 90.0))
    losses.add(loss("v-alone", 2, 1.0, "alone", "gaps"))
    losses.add(loss("alone", 3, 80.0))
    assert uplift_by_recipe(losses)["gaps"].pairs == 0
    assert told(losses)["gaps"] == "2 hard samples; none was trained again since"
    assert told(losses)["names"].startswith("1 hard samples; their losses fell by +0")
