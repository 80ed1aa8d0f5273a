"""A checkpoint that is damaged in any file is refused by name, and the one before it takes over."""

from __future__ import annotations

import shutil

from tests.faults.runs import ALL_THERE_ONCE, account, produce, same_weights
from trainer_node.commit.fencing import Fence
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger
from trainer_node.commit.manifest import checkpoints
from trainer_node.commit.store import CheckpointStore


def newest(run_dir):
    """What a resume would choose, and what it refuses."""
    fence = Fence(run_dir)
    return CheckpointStore(run_dir, fence, Journal(run_dir / "journal", fence.epoch), Ledger(run_dir / "ledger")).newest()


def harm(path, how):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if how != "delete":
        path.write_bytes(content if how == "flip a bit" else content[: len(content) // 2])


def test_every_file_of_a_real_checkpoint_torn_in_every_way_is_noticed_and_training_goes_on_from_the_one_before(settings, new_run, tmp_path):
    samples = produce(settings, 1000)
    run = new_run()
    run.finish()
    weights, torn = run.weights(), run.newest
    files = [torn.path / name for name in torn.manifest.files] + [torn.path / "manifest.json"]
    files += [run.folder / "ledger" / torn.manifest.segments[-1].name]
    before = checkpoints(run.folder)[-2]
    for path in files:
        for how in ("cut", "delete", "flip a bit"):
            copy = tmp_path / "copy"
            shutil.copytree(run.folder, copy)
            harm(copy / path.relative_to(run.folder), how)
            found, refused = newest(copy)
            assert found.path.name == before.path.name, f"{how} {path.name} was not noticed"
            assert [name for name, _ in refused] == [torn.path.name]
            shutil.rmtree(copy)
    harm(torn.path / "objectives/sft/optimizer.pt", "flip a bit")
    child = run.finish()
    assert f"checkpoint {torn.path.name} is refused: optimizer.pt does not match its hash" in child.log
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    assert same_weights(run.weights(), weights)
