"""A run of any family of models that is killed goes on where it was, and what is exported of it answers as it does."""

from __future__ import annotations

import pytest
import torch

from tests.faults.runs import ALL_THERE_ONCE, account, produce
from tests.models.families import build_family
from tests.models.family_run import logits
from trainer_node.models.export import export_merged
from trainer_node.models.loader import load_model
from trainer_node.models.restore import load_for_asking

FAMILIES = ("gpt2", "phi3", "qwen3_moe", "lfm2", "falcon_h1", "mamba")
"""Conv1D, fused projections, experts, short convolutions, attention beside Mamba, Mamba alone. The others: `make test-families`."""


@pytest.mark.processes
@pytest.mark.parametrize("family", FAMILIES)
def test_a_killed_run_goes_on_and_its_export_answers_as_it_does(family, settings, new_run, tmp_path):
    samples = produce(settings, 96)
    run = new_run(checkpoint_steps=2)
    run.config["model"] = str(build_family(family, tmp_path / "base"))
    child = run.start(("commit", 5), after_step=2)
    child.wait_for("waiting")
    child.kill()
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    asked = load_for_asking(str(run.folder)).model
    exported = export_merged(run.folder, tmp_path / "out")
    assert exported.fidelity.kl < 1e-4
    torch.testing.assert_close(logits(load_model(exported.folder, bits=32).model), logits(asked), rtol=1e-3, atol=1e-3)
