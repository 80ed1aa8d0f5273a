"""A run is not trained in another order than it asks for."""

import pytest

from schemas.errors import ConfigError
from schemas.sample import Sample
from schemas.training_sample import Difficulty
from streams.curriculum.signals import Signal
from streams.curriculum.task_detector import to_training_sample
from trainer_node.curricula import Curriculum, check_signal

CUT_BY = {
    Curriculum.DIFFICULTY: "difficulty",
    Curriculum.LENGTH: "length",
    Curriculum.COMPRESSION: "compression",
    Curriculum.READABILITY: "readability",
    Curriculum.RANDOM_PACED: "random",
}
"""What the bands of an order must be cut by; all others take any."""


@pytest.mark.parametrize("curriculum", list(Curriculum))
@pytest.mark.parametrize("signal", list(Signal))
def test_bands_that_are_cut_by_something_else_are_refused_with_what_to_start(curriculum, signal):
    cut_by = None if signal is Signal.DIFFICULTY else signal.value
    sample = to_training_sample(Sample(sample_id="s1", prompt="a", answer="b"), difficulty=Difficulty(signal=cut_by))
    wanted = CUT_BY.get(curriculum)
    if wanted in (None, signal.value):
        check_signal(curriculum, sample)
        return
    with pytest.raises(ConfigError) as caught:
        check_signal(curriculum, sample)
    assert f"--signal {wanted}" in str(caught.value)
    assert f"s1 was put in its band by {signal.value}" in str(caught.value)


def test_a_run_with_a_broker_of_its_own_starts_a_worker_whose_bands_it_takes():
    for curriculum in Curriculum:
        cut_by = None if curriculum.signal == "difficulty" else curriculum.signal
        check_signal(curriculum, to_training_sample(Sample(prompt="a", answer="b"), difficulty=Difficulty(signal=cut_by)))
