"""Bands do not hang on the order of arrival, and are a function of the log's prefix."""

from __future__ import annotations

import json
import random

import pytest

from schemas.training_sample import BANDS, Objective
from streams.curriculum.bands import Bands, band_of
from streams.curriculum.calibration import Calibration, HoldBack
from streams.curriculum.difficulty import RawTerms
from streams.curriculum.quantiles import RunningQuantiles
from streams.curriculum.signals import Signal
from streams.curriculum.window import BLOCK, BLOCKS, WindowQuantiles

SFT = Objective.SFT


def terms(count: int, seed: int = 1) -> list[RawTerms]:
    rng = random.Random(seed)
    return [RawTerms(rng.choice((1.0, 2.0, 3.0, None)), float(rng.randint(3, 90)), rng.random() / 10) for _ in range(count)]


def whole_file(samples: list[RawTerms]) -> list[int]:
    """Bands of a file that is calibrated on whole before the first is given."""
    bands = Bands(hold_back=HoldBack(None))
    for raw in samples:
        bands.calibration.counts(0)
        bands.place(SFT, raw)
    bands.calibration.close()
    return [bands.look_up(SFT, raw)[1] for raw in samples]


def test_a_file_s_bands_are_the_same_in_whatever_order_it_comes_also_sorted():
    samples = terms(3000)
    by_sample = dict(zip(samples, whole_file(samples), strict=True))
    for order in (sorted(samples, key=lambda raw: raw.length), sorted(samples, key=lambda raw: -raw.length)):
        found = whole_file(order)
        same = [band == by_sample[raw] for raw, band in zip(order, found, strict=True)]
        assert all(same)
        counts = [found.count(band) / len(found) for band in range(BANDS)]
        assert all(0.14 < share < 0.27 for share in counts), counts


def test_of_a_shuffled_stream_nine_in_ten_bands_are_the_quintiles_of_the_last_window():
    samples = terms(12_000, seed=2)
    bands = Bands(hold_back=HoldBack(2000))
    held = samples[:2000]
    for raw in held:
        bands.calibration.counts(0)
        bands.place(SFT, raw)
    assert not bands.calibration.wants(0)
    given = [bands.look_up(SFT, raw) for raw in held] + [bands.place(SFT, raw) for raw in samples[2000:]]
    last = RunningQuantiles()
    for difficulty, _ in given[-BLOCK * BLOCKS :]:
        last.observe(difficulty.score)
    agree = [band == band_of(last.mid_rank(difficulty.score)) for difficulty, band in given]
    assert sum(agree) / len(agree) >= 0.9


@pytest.mark.parametrize(
    ("hold_back", "times", "calibrated"),
    [
        (HoldBack(3, 10.0), [0, 1, 2, 3, 4], 3),
        (HoldBack(100, 2.0), [500, 600, 2499, 2500, 2501], 3),
        (HoldBack(None), [0, 10**6, 10**9], 3),
        (None, [0, 1], 0),
    ],
)
def test_what_is_calibrated_on_is_said_by_the_log_alone_also_over_a_restart(hold_back, times, calibrated):
    one = Calibration(hold_back)
    for number, time in enumerate(times):
        assert one.wants(time) == (number < calibrated)
        one.counts(time)
        other = Calibration(hold_back)
        other.restore(json.loads(json.dumps(one.to_json())))
        assert other.to_json() == one.to_json()
        one = other
    assert one.count == calibrated


def test_the_window_forgets_what_is_long_ago_and_its_state_is_all_that_it_is():
    window = WindowQuantiles()
    for _ in range(BLOCK * BLOCKS):
        window.observe(1.0)
    for number in range(BLOCK * BLOCKS):
        window.observe(10.0 + number % 7)
    assert window.below(5.0) <= 1 / BLOCKS
    again = WindowQuantiles.from_json(json.loads(json.dumps(window.to_json())))
    for value in (2.0, 10.5, 13.0):
        window.observe(value)
        again.observe(value)
        assert (again.below(value), again.mid_rank(value)) == (window.below(value), window.mid_rank(value))
    with pytest.raises((ValueError, TypeError, AttributeError)):
        WindowQuantiles.from_json([])


@pytest.mark.parametrize(
    ("signal", "held", "alike"),
    [
        (Signal.DIFFICULTY, [RawTerms(None, 3.0, 0.0)] * 20, [(SFT, 20)]),  # nothing is known of any
        (Signal.LENGTH, [RawTerms(hops, 3.0, 0.0) for hops in (1.0, 2.0, None)], [(SFT, 3)]),
        (Signal.COMPRESSION, [RawTerms(1.0, length, 0.0, 0.5) for length in (3.0, 4.0)], [(SFT, 2)]),
        (Signal.DIFFICULTY, [RawTerms(1.0, 3.0, 0.0), RawTerms(None, 3.0, 0.0)], []),
        (Signal.DIFFICULTY, [RawTerms(1.0, 3.0, 0.0)], []),  # one sample has no order anyway
        (Signal.DIFFICULTY, [], []),
    ],
)
def test_samples_that_are_all_measured_alike_are_told_of_and_are_one_band(signal, held, alike):
    bands = Bands(signal, HoldBack(None))
    for raw in held:
        bands.calibration.counts(0)
        bands.place(SFT, raw)
    bands.calibration.close()
    assert bands.all_alike() == alike
    if alike:
        assert len({bands.look_up(SFT, raw)[1] for raw in held}) == 1
