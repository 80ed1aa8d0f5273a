"""A LoRA counts for alpha/r, whatever it was loaded from; what does not fit is refused and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModelForCausalLM

from schemas.errors import CheckpointError, ConfigError
from trainer_node.config import TrainConfig
from trainer_node.models.adapters import add_lora, add_reference, load_adapter, load_reference, same_scale
from trainer_node.models.loader import load_model
from trainer_node.models.restore import load_for_training


@pytest.fixture
def bare(tiny_model: Path) -> Any:
    return load_model(tiny_model, bits=32, device="cpu").model


def adapted(model: Path, **settings: Any) -> Any:
    """A model with a LoRA that has learnt something."""
    loaded = load_for_training(TrainConfig(model=str(model), bits=32, **settings), None)
    learn(loaded.model, seed=1)
    return loaded


def learn(model: Any, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if ".lora_B.default." in name:
            weight.data.copy_(torch.randn(weight.shape, generator=generator) / 10)


def weights(model: Any, part: str = "lora_") -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters() if part in name}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(weight, second[name]) for name, weight in first.items())


def projection(model: Any) -> Any:
    return model.get_base_model().model.layers[0].self_attn.q_proj


@torch.no_grad()
def scale(model: Any, adapter: str = "default") -> float:
    """How often B A x is added to what the layer gives without its LoRA."""
    layer = projection(model)
    x = torch.randn(1, layer.in_features, generator=torch.Generator().manual_seed(0))
    added = layer(x) - layer.base_layer(x)
    once = x @ layer.lora_A[adapter].weight.T @ layer.lora_B[adapter].weight.T
    return float((added / once).median())


@pytest.mark.parametrize(("r", "alpha"), [(4, 8), (4, 32), (16, 8)])
def test_a_lora_of_rank_r_adds_alpha_over_r_times_its_product(bare, r, alpha):
    model = add_lora(bare, r=r, alpha=alpha)
    learn(model, seed=0)
    assert scale(model) == pytest.approx(alpha / r, rel=1e-3)
    assert projection(model).lora_A["default"].weight.shape[0] == r


def test_alpha_of_the_settings_reaches_outputs_and_gradients_of_a_run_s_model(tiny_model):
    ids = torch.arange(4, 32).view(1, 28)
    gradients = []
    for alpha in (4, 8):
        model = load_for_training(TrainConfig(model=str(tiny_model), bits=32, lora_r=4, alpha=alpha), None).model
        model(input_ids=ids, labels=ids).loss.backward()  # B is zero: the models give the same
        gradients.append(torch.cat([weight.grad.flatten() for name, weight in model.named_parameters() if ".lora_B." in name]))
        learn(model, seed=1)
        assert scale(model) == pytest.approx(alpha / 4, rel=1e-3)
    torch.testing.assert_close(gradients[1], 2 * gradients[0])


def test_rank_and_seed_of_the_settings_reach_the_adapter_and_rank_0_trains_all_weights(tiny_model):
    def first(**settings: Any) -> torch.Tensor:
        model = load_for_training(TrainConfig(model=str(tiny_model), bits=32, **settings), None).model
        return projection(model).lora_A["default"].weight

    assert first(lora_r=3, seed=5).shape[0] == 3
    assert torch.equal(first(seed=5), first(seed=5))
    assert not torch.equal(first(seed=5), first(seed=6))
    whole = load_for_training(TrainConfig(model=str(tiny_model), bits=32, lora_r=0), None).model
    assert not hasattr(whole, "peft_config")
    assert all(weight.requires_grad for weight in whole.parameters())
    assert whole.training


@pytest.mark.parametrize("named", ["q_proj", ["q_proj"], ["self_attn.q_proj"]])
def test_a_lora_goes_on_the_modules_named(bare, named):
    model = add_lora(bare, target_modules=named)
    trained = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {"q_proj"}


def test_dropout_is_the_adapter_s_own_and_keeps_a_model_from_the_fast_path(bare):
    with pytest.raises(ConfigError, match="the fast path does not take this model: its adapter has dropout"):
        add_lora(bare, dropout=0.5, fast=True)
    model = add_lora(bare, dropout=0.5)
    assert projection(model).lora_dropout["default"].p == 0.5


@pytest.mark.parametrize(("fast", "installed"), [(True, True), (False, False), (None, False)])
def test_on_a_cpu_the_fast_path_is_installed_where_it_is_asked_for_alone(tiny_model, fast, installed):
    loaded = add_lora(load_model(tiny_model, bits=32, device="cpu"), fast=fast)
    assert hasattr(loaded.model.get_base_model(), "pelton_fast") is installed
    assert isinstance(loaded.model, PeftModelForCausalLM)


def test_another_family_of_models_is_adapted_in_all_its_linear_layers_but_the_output():
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    sizes = {"vocab_size": 20, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = add_lora(GPTNeoXForCausalLM(GPTNeoXConfig(**sizes, bos_token_id=0, eos_token_id=1)))
    trained = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"}


def test_gpt2_whose_layers_are_of_another_class_is_adapted_in_all_of_them():
    from transformers import GPT2Config, GPT2LMHeadModel

    model = add_lora(GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=1)))
    trained = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {"c_attn", "c_proj", "c_fc"}


def test_a_model_without_linear_layers_is_refused_with_what_to_do():
    class Embeddings(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = torch.nn.Embedding(4, 4)
            self.device = torch.device("cpu")

        def get_output_embeddings(self) -> None:
            return None

    with pytest.raises(ConfigError, match="no linear layer to add a LoRA to: set --lora-r 0"):
        add_lora(Embeddings())


# --- from a checkpoint -------------------------------------------------------------------------------------------------------


def test_a_loaded_adapter_has_the_weights_that_were_saved_to_the_last_bit(tiny_model, tmp_path):
    saved = adapted(tiny_model)
    saved.model.save_pretrained(tmp_path)
    loaded = load_for_training(TrainConfig(model=str(tiny_model), bits=32), tmp_path)
    assert same(weights(loaded.model), weights(saved.model))
    for name, weight in loaded.model.named_parameters():
        assert weight.requires_grad == ("lora_" in name), "the adapter is trained further, and nothing else"


@pytest.mark.parametrize(
    ("saved", "own", "why"),
    [
        ({"r": 8}, {}, "0 missing, 0 unknown, 28 of another shape"),
        ({"target_modules": "q_proj"}, {}, "24 missing, 0 unknown, 0 of another shape"),
        ({}, {"target_modules": "q_proj"}, "0 missing, 24 unknown, 0 of another shape"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_and_none_of_it_is_loaded(tiny_model, tmp_path, saved, own, why):
    other, model = (add_lora(load_model(tiny_model, bits=32, device="cpu").model, **({"r": 4} | given)) for given in (saved, own))
    learn(other, seed=2)
    other.save_pretrained(tmp_path / "other", save_embedding_layers=False)
    before = weights(model)
    with pytest.raises(CheckpointError, match=f"other: the adapter does not fit this model .{why}"):
        load_adapter(model, tmp_path / "other")
    assert same(weights(model), before)


def test_a_folder_without_an_adapter_is_named(tiny_model, tmp_path):
    model = adapted(tiny_model).model
    with pytest.raises(CheckpointError, match="holds no adapter"):
        load_adapter(model, tmp_path)


@pytest.mark.parametrize(("given", "wanted"), [({}, True), ({"alpha": 8}, False), ({"r": 8}, False)])
def test_whether_a_saved_adapter_counts_for_as_much_is_read_from_its_settings(tiny_model, bare, tmp_path, given, wanted):
    add_lora(bare, **({"r": 4, "alpha": 32} | given)).save_pretrained(tmp_path, save_embedding_layers=False)
    assert same_scale(adapted(tiny_model, lora_r=4, alpha=32).model, tmp_path) is wanted


# --- the reference -----------------------------------------------------------------------------------------------------------


def test_the_reference_is_the_policy_as_it_is_now_and_is_frozen(tiny_model):
    model = adapted(tiny_model).model
    add_reference(model)
    policy, reference = weights(model, ".default."), weights(model, ".ref.")
    assert same({name.replace(".default.", ".ref."): weight for name, weight in policy.items()}, reference)
    assert not any(weight.requires_grad for name, weight in model.named_parameters() if ".ref." in name)
    assert all(weight.requires_grad for name, weight in model.named_parameters() if ".default." in name)
    assert model.active_adapters == ["default"]
    learn(model, seed=3)
    assert same(weights(model, ".ref."), reference)
    add_reference(model)
    assert not same(weights(model, ".ref."), reference), "of the policy as it is then"


def test_a_reference_comes_back_from_a_checkpoint_and_leaves_the_policy_alone(tiny_model, tmp_path):
    model = adapted(tiny_model).model
    add_reference(model)
    model.save_pretrained(tmp_path)
    began_with = weights(model, ".ref.")
    learn(model, seed=4)
    add_reference(model)
    policy = weights(model, ".default.")
    load_reference(model, tmp_path)
    assert same(weights(model, ".ref."), began_with)
    assert same(weights(model, ".default."), policy)


def test_a_checkpoint_without_the_reference_that_is_needed_is_refused(tiny_model, tmp_path):
    model = adapted(tiny_model).model
    load_reference(model, tmp_path)  # without a reference of its own, the model needs none
    add_reference(model)
    with pytest.raises(CheckpointError, match="holds no reference adapter"):
        load_reference(model, tmp_path)
