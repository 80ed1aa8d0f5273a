import json
import random

from streams.augmenter.threshold import MAX_PASSES, WARM_UP, LossThreshold


def losses(count, seed=3):
    rng = random.Random(seed)
    return [rng.expovariate(1.0) for _ in range(count)]


def test_after_the_warm_up_about_one_loss_in_twenty_is_high():
    threshold = LossThreshold()
    high = sum(threshold.observe("r", 1, loss) for loss in losses(4000))
    assert 150 < high < 260


def test_during_the_warm_up_nothing_is_high():
    threshold = LossThreshold()
    assert not any(threshold.observe("r", 1, float(n)) for n in range(WARM_UP))
    assert threshold.observe("r", 1, 1000.0)


def test_a_loss_is_judged_by_its_own_run_and_pass():
    threshold = LossThreshold()
    for loss in losses(100):
        threshold.observe("r", 1, 100 + loss)
        threshold.observe("r", 2, loss)
    assert not threshold.observe("r", 1, 50.0)
    assert threshold.observe("r", 2, 50.0)
    assert not threshold.observe("other", 2, 50.0), "another run is in its warm-up"


def test_equal_losses_are_never_high():
    threshold = LossThreshold()
    assert not any(threshold.observe("r", 1, 2.0) for _ in range(200))


def test_the_threshold_survives_a_restart():
    first, second = LossThreshold(), LossThreshold()
    for loss in losses(50):
        first.observe("r", 1, loss)
    second.restore(json.loads(json.dumps(first.to_json())))
    again = losses(200, seed=9)
    assert [first.observe("r", 1, loss) for loss in again] == [second.observe("r", 1, loss) for loss in again]


def test_a_loss_read_again_is_not_counted_again():
    threshold = LossThreshold()
    for loss in losses(50):
        threshold.observe("r", 1, loss)
    before = threshold.to_json()
    assert threshold.look_up("r", 1, 1000.0)
    assert threshold.to_json() == before


def test_only_so_many_passes_are_remembered_the_latest_ones():
    threshold = LossThreshold()
    for number in range(MAX_PASSES + 5):
        threshold.observe("r", number, 1.0)
    kept = threshold.to_json()
    assert len(kept) == MAX_PASSES
    assert f"{MAX_PASSES + 4}/r" in kept
