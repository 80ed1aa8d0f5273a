"""One writer a run: who claims later wins, and who wakes up too late learns it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.errors import Fenced
from trainer_node.commit.fencing import Fence, claimed, overtaken


def test_the_older_incarnation_is_fenced_and_the_newer_is_not(tmp_path):
    old = Fence(tmp_path)
    old.check()
    new = Fence(tmp_path)
    new.check()
    with pytest.raises(Fenced, match="epoch 2 has taken over"):
        old.check()


def test_claims_at_the_same_moment_are_of_different_epochs(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        fences = list(pool.map(lambda _: Fence(tmp_path), range(40)))
    assert sorted(fence.epoch for fence in fences) == list(range(1, 41)) == sorted(claimed(tmp_path / "epochs"))


def test_a_checkpoint_is_overtaken_once_a_later_epoch_went_on_from_an_earlier_one(tmp_path):
    folder = tmp_path / "epochs"
    Fence(tmp_path).resumed_from(0, 0)
    Fence(tmp_path).resumed_from(1, 3)
    assert overtaken(folder, 1, 3) is None
    assert overtaken(folder, 1, 4) == 2
    assert overtaken(folder, 2, 4) is None
    Fence(tmp_path)  # claimed, and killed before it chose anything
    assert overtaken(folder, 2, 4) is None
