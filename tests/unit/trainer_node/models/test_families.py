"""Every family of models learns in all its linear layers or is told what does not, goes on, and is exported as what it was."""

from __future__ import annotations

import os

import pytest
import torch

from tests.models.families import FAMILIES
from tests.models.family_run import FamilyRun, logits, train, without_gradient
from trainer_node.models.loader import load_model
from trainer_node.models.restore import load_for_asking
from trainer_node.training.evaluation import label_losses

CHOSEN = tuple(FAMILIES) if os.environ.get("PELTON_TEST_FAMILIES") else ("qwen3_next",)
"""All by `make test-families`. In `make test`, six others are killed and gone on with (tests/faults/test_families_killed.py)."""
LEFT_OUT = {
    "mixtral": {"gate"},
    "olmoe": {"gate"},
    "qwen3_moe": {"gate"},
    "granitemoe": {"router"},
    "gpt_oss": {"router"},
    "jetmoe": {"router.layer"},
    "qwen2_moe": {"gate", "shared_expert_gate"},
    "qwen3_next": {"down_proj", "gate", "gate_proj", "shared_expert_gate", "up_proj"},
    "deepseek_v3": {
        "down_proj",
        "gate",
        "gate_proj",
        "up_proj",
        "shared_experts.down_proj",
        "shared_experts.gate_proj",
        "shared_experts.up_proj",
    },
    "falcon_h1": {"out_proj"},
    "jamba": {"dt_proj", "x_proj", "router"},
    "mamba": {"dt_proj", "x_proj", "out_proj"},
    "mamba2": {"out_proj"},
    "recurrent_gemma": {"input_gate_weight", "recurrent_gate_weight"},
}
"""What PEFT carries no LoRA on, or what would not change anything."""


@pytest.mark.parametrize("family", CHOSEN)
def test_a_family_is_trained_resumed_exported_and_answers_as_it_did(family, tmp_path, caplog):
    run = FamilyRun(family, tmp_path)
    caplog.set_level("INFO", logger="trainer_node.models.adapters")
    loaded = run.new()
    (told,) = [text for text in caplog.messages if "of the linear layers' weights" in text]
    assert ("100.0 %" in told) == (family not in LEFT_OUT)
    if family in LEFT_OUT:
        assert set(told.split("without one: ")[1].split(", ")) == LEFT_OUT[family]
    losses = train(loaded)
    assert losses[-1] < losses[0]
    checkpoint = run.commit(loaded)
    again = run.resume(checkpoint)
    torch.testing.assert_close(logits(again.model), logits(loaded.model))
    assert without_gradient(again.model.train()) == []
    asked = load_for_asking(str(checkpoint))
    torch.testing.assert_close(logits(asked.model), logits(loaded.model))
    exported = run.export(checkpoint)
    torch.testing.assert_close(logits(load_model(exported.folder, bits=32).model), logits(loaded.model), rtol=1e-3, atol=1e-3)
    assert exported.fidelity.kl < 1e-4
    prompts, labels = [[5, 6, 7, 8], [9, 10, 11]], [[20, 21, 1], [22, 1]]
    found = label_losses(loaded.model, prompts, labels, 0)
    alone = torch.cat([label_losses(loaded.model, [prompt], [label], 0) for prompt in prompts for label in labels]).view(2, 2)
    torch.testing.assert_close(found, alone, rtol=1e-3, atol=1e-3)
