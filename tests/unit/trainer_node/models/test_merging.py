"""What is merged answers as its adapter beside its base did, whatever the adapter was put on."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.models.family_run import FamilyRun, logits, train
from trainer_node.config import TrainConfig
from trainer_node.models.export import export_merged
from trainer_node.models.restore import load_for_training


@pytest.mark.parametrize(
    ("family", "targets"),
    [
        ("llama", "embed_tokens"), ("llama", "lm_head"), ("llama", "embed_tokens,lm_head"), ("gpt2", "wte"),
        ("mixtral", "gate"), ("mixtral", "gate,q_proj"), ("qwen3_moe", "gate"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ends", ["untied", "tied", "said to be tied"])
@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings")
def test_an_adapter_on_embeddings_outputs_and_gates_is_merged_into_what_it_changed(family, targets, ends, tmp_path):
    run = FamilyRun(family, tmp_path, lora_targets=targets)
    model = AutoModelForCausalLM.from_pretrained(run.model, tie_word_embeddings=False)
    if ends == "tied":
        model.lm_head.weight = model.get_input_embeddings().weight
    model.config.tie_word_embeddings = ends != "untied"
    model.save_pretrained(run.model)
    loaded = run.new()
    train(loaded, rate=0.05)
    trained = logits(loaded.model)
    exported = run.export(run.commit(loaded))
    merged = AutoModelForCausalLM.from_pretrained(exported.folder)
    assert torch.allclose(logits(merged), trained, atol=2e-4)
    assert exported.fidelity.kl < 1e-5
    with loaded.model.disable_adapter():
        assert not torch.allclose(logits(loaded.model), trained, atol=2e-3), "the adapter changed something"


def test_what_a_run_holds_in_float32_beside_its_weights_is_written_as_it_was(tmp_path):
    run = FamilyRun("deepseek_v3", tmp_path)
    file = run.model / "model.safetensors"
    weights = load_file(file)
    (name,) = (name for name in weights if "e_score_correction_bias" in name)
    weights[name] = torch.linspace(0.29999, 0.3, weights[name].numel())
    save_file(weights, file, {"format": "pt"})
    loaded = load_for_training(TrainConfig(model=str(run.model), bits=16, lora_r=2), None)
    exported = export_merged(run.commit(loaded), tmp_path / "out")
    written = load_file(exported.folder / "model.safetensors")[name]
    assert exported.dtype == "bfloat16"
    assert written.equal(weights[name]), "in bfloat16 the experts' biases would all be the same"
