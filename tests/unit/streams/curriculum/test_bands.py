import json
import random
from collections import Counter

import pytest

from schemas.training_sample import Objective
from streams.curriculum.bands import Bands, band_of
from streams.curriculum.difficulty import DELTA, ETA, GAMMA, RawTerms


def stream(count, seed=1):
    rng = random.Random(seed)
    return [RawTerms(float(rng.randint(0, 3)), float(rng.randint(3, 60)), rng.random() / 10) for _ in range(count)]


def test_the_score_is_the_weighted_sum_of_terms_between_0_and_1():
    bands = Bands()
    for raw in stream(300):
        difficulty, _ = bands.place(Objective.SFT, raw)
        assert difficulty.score == pytest.approx(GAMMA * difficulty.h + DELTA * difficulty.l + ETA * difficulty.c)
        assert all(0 <= term <= 1 for term in (difficulty.h, difficulty.l, difficulty.c))
        assert (difficulty.hops, difficulty.length, difficulty.centrality) == raw[:3]
    assert (GAMMA, DELTA, ETA) == (0.5, 0.3, 0.2)


def test_each_band_gets_about_a_fifth():
    bands = Bands()
    placed = Counter(bands.place(Objective.SFT, raw)[1] for raw in stream(2000))
    assert set(placed) == {0, 1, 2, 3, 4}
    assert all(abs(count - 400) < 80 for count in placed.values())


def test_harder_samples_are_in_higher_bands():
    bands = Bands()
    for raw in stream(500):
        bands.place(Objective.SFT, raw)
    easy, hard = RawTerms(0, 3, 0), RawTerms(4, 80, 0.2)
    assert bands.place(Objective.SFT, easy)[1] == 0
    assert bands.place(Objective.SFT, hard)[1] == 4


def test_a_term_that_never_varies_weighs_nothing():
    bands = Bands()
    for length in range(50):
        difficulty, _ = bands.place(Objective.SFT, RawTerms(0, length, 0))
    assert (difficulty.h, difficulty.c) == (0, 0)
    assert difficulty.l > 0.9


def test_the_same_samples_give_the_same_bands_also_over_a_restart():
    samples = stream(200)
    whole = Bands()
    expected = [whole.place(Objective.SFT, raw) for raw in samples]
    first = Bands()
    found = [first.place(Objective.SFT, raw) for raw in samples[:77]]
    second = Bands()
    second.restore(json.loads(json.dumps(first.to_json())))
    found += [second.place(Objective.SFT, raw) for raw in samples[77:]]
    assert found == expected


def test_objectives_are_measured_each_by_itself():
    bands = Bands()
    for raw in stream(100):
        bands.place(Objective.SFT, raw)
    assert bands.place(Objective.PROMPT, RawTerms(9, 900, 1))[1] == 2, "the first of its kind is in the middle"


def test_a_sample_read_again_is_not_counted_again():
    bands = Bands()
    for raw in stream(50):
        bands.place(Objective.SFT, raw)
    before = bands.to_json()
    assert bands.look_up(Objective.SFT, stream(50)[-1]) == bands.look_up(Objective.SFT, stream(50)[-1])
    assert bands.to_json() == before


@pytest.mark.parametrize(("rank", "band"), [(0, 0), (0.19, 0), (0.2, 1), (0.5, 2), (0.79, 3), (0.8, 4), (1.0, 4)])
def test_bands_are_cut_at_the_quintiles(rank, band):
    assert band_of(rank) == band
