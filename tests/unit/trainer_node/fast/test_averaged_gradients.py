"""Under DDP the fast path's gradients are averaged over the processes, as the ordinary path's are."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from trl.trainer.sft_trainer import _patch_chunked_ce_lm_head

from tests.unit.trainer_node.fast.test_parity import build, gradients, padded
from tests.unit.trainer_node.several import start
from trainer_node import fast
from trainer_node.training.losses import token_losses


def rows_of(rank: int) -> dict[str, torch.Tensor]:
    """The first process has one row with loss and one without, the second the last row."""
    batch = padded("left")
    rows = [0, 1] if rank == 0 else [2]
    part = {name: value[rows].clone() for name, value in batch.items()}
    if rank == 0:
        part["labels"][1] = -100
    return part


def train(rank: int, folder: str) -> None:
    """Two passes of one process, the second with nothing to learn in the second process; leaves the gradients in the folder."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    model = build()
    fast.install(model)
    _patch_chunked_ce_lm_head(model.get_base_model(), chunk_size=4)  # as TRL's SFTTrainer does when it is built
    wrapped = DistributedDataParallel(model)  # gradients are averaged as long as it lives
    for case in ("both", "one"):
        inputs = rows_of(rank)
        if case == "one" and rank == 1:
            inputs["labels"][:] = -100
        nll, _ = token_losses(wrapped, inputs)
        nll.sum().backward()
        torch.save(gradients(model), f"{folder}/{case}-{rank}.pt")
    del wrapped  # after its group, its end may hang
    dist.destroy_process_group()


def alone(ranks: list[int]) -> dict[str, torch.Tensor]:
    """What one process gets for the rows of these, on the ordinary path; a mean over two processes is half of the sum."""
    model = build()
    for rank in ranks:
        nll, _ = token_losses(model, rows_of(rank))
        (nll.sum() / 2).backward()
    return gradients(model)


def test_each_process_has_the_mean_gradient_also_when_one_has_nothing_to_learn(tmp_path: Path) -> None:
    start(train, str(tmp_path), processes=2)
    for case, ranks in (("both", [0, 1]), ("one", [0])):
        expected = alone(ranks)
        for rank in range(2):
            found = torch.load(tmp_path / f"{case}-{rank}.pt")
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                torch.testing.assert_close(found[name], value, rtol=2e-4, atol=2e-5 * value.abs().max().item())
