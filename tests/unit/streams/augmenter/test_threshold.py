import json
import random

import pytest

from streams.augmenter.threshold import BAND_WARM_UP, MOST_KINDS, WARM_UP, LossThreshold, Measured


def observed(losses, batch=8, bands=None, threshold=None, kind="sft/qa/r"):
    """Which of these losses are high, as one partition sees them."""
    threshold, tie = threshold or LossThreshold(), random.Random(1)
    bands = bands or [0] * len(losses)
    return [threshold.observe(kind, Measured(n // batch, bands[n], loss, tie.random())) for n, loss in enumerate(losses)]


def drawn(count, seed=3):
    rng = random.Random(seed)
    return [rng.expovariate(1.0) for _ in range(count)]


def fifths(high):
    """Share of high losses in each fifth of them, in percent."""
    size = len(high) // 5
    return [100 * sum(high[n * size : (n + 1) * size]) / size for n in range(5)]


def falling(count):
    rng = random.Random(2)
    return [max(0.0, 1 - 0.5 * n / count + rng.gauss(0, 0.2)) for n in range(count)]


def rising_by_band(count):
    """As pacing gives them: the first fifth is of the easiest band, and each harder band, once open, is half of what comes."""
    rng = random.Random(4)
    tops = [min(4, 5 * n // count) for n in range(count)]
    bands = [top if rng.random() < 0.5 else rng.randrange(top + 1) for top in tops]
    return [band / 2 + rng.expovariate(2) for band in bands], bands


@pytest.mark.parametrize(
    ("losses", "bands"),
    [
        (drawn(1500), None),
        (falling(1500), None),
        (rising_by_band(1500)),
        ([2.0 if n % 3 == 0 else random.Random(n).random() for n in range(1500)], None),
    ],
    ids=["as ever", "falling from 1.0 to 0.5 in a pass", "harder bands open", "a third are equal and highest"],
)
def test_about_one_loss_in_twenty_is_high_in_each_fifth_of_a_pass(losses, bands):
    assert all(2.5 <= share <= 7.5 for share in fifths(observed(losses, bands=bands)))


def test_what_is_high_is_among_the_highest_of_its_time():
    losses = falling(1500)
    high = [loss - (1 - 0.5 * n / 1500) for n, (loss, is_high) in enumerate(zip(losses, observed(losses), strict=True)) if is_high]
    assert min(high) > 0.15, "above the mean of its time by most of a standard deviation"
    assert sum(over > 0.3 for over in high) > 0.7 * len(high)


def test_during_the_warm_up_nothing_is_high():
    threshold = LossThreshold()
    assert not any(observed([float(n) for n in range(WARM_UP)], threshold=threshold))
    assert threshold.observe("sft/qa/r", Measured(3, 0, 1000.0))


def test_a_band_that_has_just_opened_is_not_measured_by_the_easier_ones():
    threshold = LossThreshold()
    observed(drawn(200), threshold=threshold)
    assert not any(threshold.observe("sft/qa/r", Measured(25, 3, 50.0 + n)) for n in range(BAND_WARM_UP))
    assert threshold.observe("sft/qa/r", Measured(25, 3, 99.0))


def test_losses_of_another_objective_task_or_run_are_on_another_scale():
    """After SFT losses near 0.05, a DPO loss of ln 2 is what DPO begins with."""
    threshold = LossThreshold()
    observed([0.05 + loss / 100 for loss in drawn(300)], threshold=threshold)
    for kind in ("preference/preference/r", "sft/classification/r", "sft/qa/another"):
        assert not any(observed([0.6931] * 60, threshold=threshold, kind=kind))
    assert threshold.observe("sft/qa/r", Measured(38, 0, 0.6931))


def test_equal_losses_are_never_high():
    assert not any(observed([2.0] * 200))


def test_old_losses_count_less_by_the_step():
    """What was high a hundred steps ago is long forgotten; what was high one step ago is not."""
    for steps, is_high in ((0, False), (2000, True)):
        threshold = LossThreshold()
        for loss in drawn(100):
            threshold.observe("k", Measured(1, 0, 100 + loss))
        for loss in drawn(100, seed=5):
            threshold.observe("k", Measured(1 + steps, 0, loss))
        assert threshold.observe("k", Measured(1 + steps, 0, 50.0)) is is_high


def test_the_threshold_survives_a_restart():
    first, second = LossThreshold(), LossThreshold()
    observed(drawn(50), threshold=first)
    second.restore(json.loads(json.dumps(first.to_json())))
    again = drawn(200, seed=9)
    assert observed(again, threshold=first) == observed(again, threshold=second)


def test_only_so_many_kinds_are_remembered_the_latest_ones():
    threshold = LossThreshold()
    for number in range(MOST_KINDS + 5):
        threshold.observe(f"k{number}", Measured(1, 0, 1.0))
    kept = threshold.to_json()
    assert len(kept) == MOST_KINDS
    assert f"k{MOST_KINDS + 4}" in kept
