"""A pass goes from easy to hard for any number of samples: the pacing alone, over passes of 300 to 100,000 samples."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest

from schemas.training_sample import BANDS
from tests.models.order import band_by_decile, order_kept
from trainer_node.competence import Form, Horizon
from trainer_node.intake.pacing import Pacing
from trainer_node.intake.pacing_plan import PacingPlan

IN_MEMORY = 512
"""Samples that are fetched of a band, or two batches."""


def one_pass(plan: PacingPlan, sizes: list[int], batch_size: int) -> list[int]:
    """The band of each sample, in the order trained, of a pass over a log that is all there."""
    pacing, left, trained = Pacing(plan), list(sizes), []
    while sum(left):
        pacing.open_for(left, batch_size)
        here = [min(count, max(IN_MEMORY, 2 * batch_size)) for count in left]
        while sum(shares := pacing.shares(left, here, batch_size)) < min(batch_size, sum(left)):
            assert pacing.advance(), "what is open is dry"
        offsets = [range(size - there, size - there + share) for size, there, share in zip(sizes, left, shares, strict=True)]
        pacing.chosen(offsets, 10 * sum(shares))
        left = [there - share for there, share in zip(left, shares, strict=True)]
        trained += [band for band in range(BANDS) for _ in range(shares[band])]
    assert np.bincount(trained, minlength=BANDS).tolist() == sizes
    return trained


def band_sizes(count: int, rng: Random | None) -> list[int]:
    """So many samples in bands of one size, or of sizes that are drawn."""
    weights = [rng.random() + 0.05 if rng else 1.0 for _ in range(BANDS)]
    sizes = [int(count * weight / sum(weights)) for weight in weights]
    return [sizes[0] + count - sum(sizes), *sizes[1:]]


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(("count", "batch_size"), [(300, 1), (300, 8), (300, 15), (1500, 8), (1500, 75), (20_000, 400), (100_000, 5000)])
def test_the_mean_band_rises_over_a_pass_of_any_length(form, count, batch_size):
    for sizes in [band_sizes(count, None), *(band_sizes(count, Random(seed)) for seed in range(3))]:
        trained = one_pass(PacingPlan(form), sizes, batch_size)
        by_decile = band_by_decile(trained)
        falls = [earlier - later for earlier, later in itertools.pairwise(by_decile)]
        assert max(falls) < 0.15, (sizes, by_decile)
        assert order_kept(trained) >= 0.9, (sizes, by_decile)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(
    "sizes",
    [
        [92, 1, 4903, 4, 0],
        [0, 25, 752, 0, 0],
        [0, 0, 0, 8, 992],
        [10, 0, 280, 0, 11],
        [280, 5, 5, 5, 6],
        [6, 5, 5, 5, 280],
        [150, 0, 0, 0, 151],
    ],
)
def test_a_pass_that_is_nearly_all_of_one_band_keeps_its_order_too(form, sizes):
    """Samples of equal difficulty are one band, and the few others come before or after it."""
    for batch_size in (1, 5, 15):
        assert order_kept(one_pass(PacingPlan(form), sizes, batch_size)) >= 0.9, batch_size


def test_the_order_is_kept_for_bands_and_batches_of_any_size():
    rng = Random(5)
    for _ in range(60):
        count, form = rng.choice([300, 301, 777, 1999]), rng.choice(list(Form))
        weights = [rng.random() ** 3 * (rng.random() > 0.2) for _ in range(BANDS)]
        sizes = [int(count * weight / (sum(weights) or 1)) for weight in weights]
        if sum(size > 0 for size in sizes) > 1:
            batch_size = rng.randint(3, sum(sizes) // 20)
            assert order_kept(one_pass(PacingPlan(form), sizes, batch_size)) >= 0.9, (form, sizes, batch_size)


@pytest.mark.parametrize("sizes", [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 301, 0, 0], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]])
def test_a_pass_of_one_sample_or_of_one_band_is_trained_whole(sizes):
    for form in Form:
        assert one_pass(PacingPlan(form), sizes, 8) == sorted(one_pass(PacingPlan(form), sizes, 1))


def test_a_small_batch_in_a_long_pass_keeps_the_order_too():
    assert order_kept(one_pass(PacingPlan(), band_sizes(100_000, Random(7)), 64)) >= 0.9


def test_easy_samples_come_again_and_again_beside_the_hard_ones():
    trained = np.array(one_pass(PacingPlan(), [1000] * BANDS, 50))
    assert {0, 1, 2, 3} <= set(trained[4000:].tolist()), "rehearsal of every band in the last fifth"
    assert (trained[4500:] < 3).sum() >= 25


@pytest.mark.parametrize("horizon", [Horizon(1000), Horizon(10_000, "tokens"), Horizon(50, "steps")])
def test_an_endless_stream_goes_from_easy_to_hard_over_its_horizon_and_is_an_even_mixture_afterwards(horizon):
    """As many samples arrive in each band as are trained; the backlog of the hard ones is drained, and none is left behind."""
    pacing, left, means = Pacing(PacingPlan(Form.ROOT, horizon)), [200] * BANDS, []
    reached = [0] * BANDS
    for step in range(1000):
        shares = pacing.shares(left, [min(count, IN_MEMORY) for count in left], 20)
        assert sum(shares) == 20
        pacing.chosen([range(start, start + share) for start, share in zip(reached, shares, strict=True)], 200)
        reached = [start + share for start, share in zip(reached, shares, strict=True)]
        left = [there - share + 4 for there, share in zip(left, shares, strict=True)]
        means.append(sum(band * share for band, share in enumerate(shares)) / 20)
        assert step < 50 or pacing.highest == BANDS - 1
    assert np.mean(means[:5]) < 0.5
    assert means[0] == 0
    assert np.mean(means[:25]) < np.mean(means[25:50])
    assert np.mean(means[-200:]) == pytest.approx(2.0, abs=0.1), "what arrives"
    assert max(left) - min(left) < 60, "drained evenly"
