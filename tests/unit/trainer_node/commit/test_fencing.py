"""One writer a run: who claims later wins, and who wakes up too late learns it."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.errors import Fenced
from trainer_node.commit.fencing import Fence, claimed, overtaken


def test_the_older_incarnation_is_fenced_and_the_newer_is_not(tmp_path):
    old = Fence(tmp_path)
    old.check()
    new = Fence(tmp_path)
    new.check()
    with pytest.raises(Fenced) as told:
        old.check()
    assert str(told.value) == "epoch 2 has taken over this run; this process, of epoch 1, stops and writes nothing more"


def test_a_claim_says_who_made_it_and_when_the_run_began_is_when_the_first_was_made(tmp_path, disk):
    before = time.time()
    first = Fence(tmp_path / "new" / "run")
    assert ("sync", "000001") in disk.events
    claim = json.loads(disk.synced["000001"])
    assert claim["pid"] == os.getpid()
    assert before <= claim["claimed_at"] <= time.time()
    second = Fence(tmp_path / "new" / "run")
    assert second.epoch == 2
    assert first.first_claimed_at() == second.first_claimed_at() == claim["claimed_at"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"claimed_at": null}', '{"claimed_at": "then"}'])
def test_where_the_first_claim_cannot_be_read_the_run_began_now(tmp_path, content):
    fence = Fence(tmp_path)
    (fence.folder / "000001").write_text(content, encoding="utf-8")
    before = time.time()
    assert before <= fence.first_claimed_at() <= time.time()


def test_what_is_no_claim_among_the_epochs_is_passed_over(tmp_path):
    assert claimed(tmp_path / "none") == []
    fence = Fence(tmp_path)
    fence.resumed_from(0, 0)
    assert claimed(fence.folder) == [1]
    assert sorted(path.name for path in fence.folder.iterdir()) == ["000001", "000001.base"]


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


def test_a_checkpoint_of_an_older_epoch_is_overtaken_by_whoever_began_before_it_and_told_of_the_first(tmp_path):
    folder = tmp_path / "epochs"
    assert overtaken(folder, 1, 1) is None
    for start in ((0, 0), (1, 5), (1, 2), (3, 0)):
        Fence(tmp_path).resumed_from(*start)
    assert overtaken(folder, 1, 5) == 3
    assert overtaken(folder, 1, 6) == 2
    assert overtaken(folder, 1, 2) is None
    assert overtaken(folder, 2, 1) == 3
    assert overtaken(folder, 3, 1) == 4
    assert overtaken(folder, 4, 9) is None
