"""What is merged is rounded so that each layer's outputs stay what they were, where what goes into it is known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.models.checkpoints import commit
from tests.models.family_run import FamilyRun, train
from trainer_node.config import TrainConfig
from trainer_node.models import rounding
from trainer_node.models.export import export_merged, whole_checkpoint
from trainer_node.models.fidelity import ask_checkpoint, calibration_rows
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.merging import merged
from trainer_node.models.restore import load_checkpoint, load_for_training
from trainer_node.models.rounding import (
    Calibrated,
    Inputs,
    Rounding,
    carried,
    compensated,
    everywhere,
    inputs_of_layers,
    shares_of,
    to_nearest,
)

BFLOAT16 = torch.bfloat16
ROWS = [[4 + (place * place + shift) % 11 for place in range(40)] for shift in range(6)]
"""Texts of a few words, whose inputs lie near a few directions."""
TOKENS = sum(map(len, ROWS))


def correlated(tokens: int, seed: int, width: int = 96) -> torch.Tensor:
    """Inputs that lie near a quarter of their directions."""
    directions = torch.randn(width // 4, width, generator=torch.Generator().manual_seed(0))
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(tokens, width // 4, generator=drawn) @ directions + 0.05 * torch.randn(tokens, width, generator=drawn)


def sums(outputs: int = 40, width: int = 96, delta: float = 1e-3) -> torch.Tensor:
    """A base that bfloat16 holds, and a change of less than its steps."""
    drawn = torch.Generator().manual_seed(7)
    base = (0.5 * torch.randn(outputs, width, generator=drawn)).bfloat16().float()
    return base + delta * torch.randn(outputs, 4, generator=drawn) @ torch.randn(4, width, generator=drawn)


def calibrated(x: torch.Tensor, turned: bool = False) -> Rounding:
    return Calibrated({"w": Inputs([x], turned)})("w")


def off(rounded: torch.Tensor, exact: torch.Tensor, x: torch.Tensor) -> float:
    """Mean square of the errors of the outputs."""
    return float((x.float() @ (rounded.float() - exact).T).square().mean())


@pytest.mark.parametrize("tokens", [400, 60], ids=["more texts than inputs", "fewer"])
def test_outputs_on_other_texts_are_far_nearer_than_by_any_rounding_that_knows_no_inputs(tokens):
    exact, other = sums(), correlated(400, seed=2)
    known = off(calibrated(correlated(tokens, seed=1))(exact, BFLOAT16), exact, other)
    assert known < 0.3 * min(off(known_none(exact, BFLOAT16), exact, other) for known_none in (to_nearest, compensated))


def test_every_weight_stays_within_a_few_steps_of_its_sum():
    exact = sums()
    rounded = calibrated(correlated(400, seed=1))(exact, BFLOAT16)
    step = exact.abs().amax() / 256  # of the largest weights: what smaller ones take up of them is more than a step of their own
    assert (rounded.float() - exact).abs().max() < 4 * step


def test_errors_go_on_as_the_inverse_of_the_inputs_products_says():
    exact, x = sums(outputs=8), correlated(400, seed=1).double()
    products = x.T @ x
    products.diagonal().add_(products.diagonal().mean() * 0.03)
    upper = torch.linalg.cholesky(products.inverse(), upper=True)
    left, wanted = exact.double(), torch.empty_like(exact, dtype=BFLOAT16)
    for column in range(exact.shape[1]):  # as Frantar et al. write it
        wanted[:, column] = left[:, column].float()
        error = (left[:, column] - wanted[:, column]) / upper[column, column]
        left[:, column:] -= error[:, None] * upper[column, column:]
    shares = shares_of(x.float(), damp=0.03)
    assert shares is not None
    assert (carried(exact, BFLOAT16, shares) == wanted).float().mean() > 0.99, "a near tie may fall either way"


def test_what_the_dtype_holds_is_written_as_it_is():
    exact = sums(delta=0.0)
    assert calibrated(correlated(400, seed=1))(exact, BFLOAT16).float().equal(exact)


@pytest.mark.parametrize(
    "x",
    [torch.zeros(9, 96), torch.full((9, 96), torch.inf), 1e20 * torch.eye(9, 96), torch.ones(0, 96), torch.ones(9, 95)],
    ids=["zeros", "without end", "squares without end", "no texts", "another width"],
)
def test_inputs_that_tell_nothing_leave_the_rounding_along_the_row(x):
    assert calibrated(x)(sums(), BFLOAT16).equal(compensated(sums(), BFLOAT16))


def test_inputs_that_are_all_alike_are_rounded_for_with_more_damp(monkeypatch):
    x = correlated(1, seed=1).expand(400, -1)
    shares = shares_of(x, damp=1e-6)
    assert shares is not None
    assert shares.isfinite().all()
    monkeypatch.setattr(rounding, "FURTHER_DAMPS", (1,))
    assert shares_of(x, damp=1e-6) is None, "so little damp is none in float32"


def test_a_layer_that_keeps_its_weight_turned_is_rounded_along_its_inputs():
    exact, x = sums(), correlated(400, seed=1)
    assert calibrated(x, turned=True)(exact.T, BFLOAT16).equal(calibrated(x)(exact, BFLOAT16).T)


# --- of models ---------------------------------------------------------------------------------------------------------------


def trained(family: str, folder: Path) -> LoadedModel:
    """In bfloat16, changed by less than its steps."""
    run = FamilyRun(family, folder)
    loaded = load_for_training(run.config.model_copy(update={"bits": 16}), None)
    train(loaded, steps=2, rate=1e-3)
    loaded.model.eval()
    return loaded


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_outputs_of_a_models_layers_are_nearer_on_texts_that_were_not_asked(family, tmp_path):
    loaded = trained(family, tmp_path)
    inputs, held_out = inputs_of_layers(loaded, ROWS[::2]), inputs_of_layers(loaded, ROWS[1::2])
    exact = merged(load_again(loaded), torch.float32, everywhere(to_nearest)).state_dict()
    weights = [
        merged(load_again(loaded), BFLOAT16, roundings).state_dict()
        for roundings in (Calibrated(inputs), everywhere(to_nearest), everywhere(compensated))
    ]
    turn = (lambda weight: weight.T) if family == "gpt2" else (lambda weight: weight)
    errors = [[off(turn(weight[name]), turn(exact[name]), torch.cat(held_out[name].parts)) for name in held_out] for weight in weights]
    known, nearest, along = (sum(error) for error in errors)
    assert known < 0.7 * min(nearest, along)


def load_again(loaded: LoadedModel) -> LoadedModel:
    """A copy, since merging uses a model up."""
    import copy

    return loaded._replace(model=copy.deepcopy(loaded.model))


def test_every_layer_is_heard_and_what_several_are_given_is_kept_once(tmp_path):
    inputs = inputs_of_layers(trained("llama", tmp_path), ROWS)
    assert len(inputs) == 14
    layer = {name.split(".")[-2]: found.parts for name, found in inputs.items() if ".layers.0." in name}
    assert all(sum(map(len, parts)) == TOKENS and parts[0].dtype == BFLOAT16 for parts in layer.values())
    kept = {name: [part.data_ptr() for part in parts] for name, parts in layer.items()}
    assert kept["q_proj"] == kept["k_proj"] == kept["v_proj"]
    assert kept["gate_proj"] == kept["up_proj"]
    assert len({tuple(places) for places in kept.values()}) == 4


def test_conv1d_is_told_as_turned_and_experts_are_not_told(tmp_path):
    assert {found.turned for found in inputs_of_layers(trained("gpt2", tmp_path / "gpt2"), ROWS).values()} == {True}
    loaded = trained("qwen3_moe", tmp_path / "experts")
    inputs = inputs_of_layers(loaded, ROWS)
    assert {name.split(".")[-2] for name in inputs} == {"q_proj", "k_proj", "v_proj", "o_proj"}
    along = merged(load_again(loaded), BFLOAT16, everywhere(compensated)).state_dict()
    found = merged(loaded, BFLOAT16, Calibrated(inputs)).state_dict()
    experts = [name for name in found if ".experts." in name]
    assert experts
    assert all(found[name].equal(along[name]) for name in experts)


def test_a_model_without_an_adapter_has_nothing_to_tell(tiny_model):
    assert inputs_of_layers(load_for_training(TrainConfig(model=str(tiny_model), lora_r=0, bits=16), None), ROWS) == {}


def test_an_export_is_rounded_for_what_texts_put_into_it_that_are_not_compared_and_is_the_same_each_time(tiny_model, tmp_path):
    loaded = load_for_training(TrainConfig(model=str(tiny_model), bits=16, lora_r=4), None)
    train(loaded, rate=1e-3)
    (path,) = commit(tmp_path / "run", [loaded], tiny_model)
    files = [export_merged(path, tmp_path / name).folder / "model.safetensors" for name in ("one", "other")]
    assert files[0].read_bytes() == files[1].read_bytes()
    checkpoint = whole_checkpoint(path)
    again = load_checkpoint(checkpoint)
    rows = calibration_rows(again.model, again.tokenizer, checkpoint)
    compared = [tokens for tokens, _ in ask_checkpoint(again.model, again.tokenizer, checkpoint).rows]
    assert rows
    assert not any(row in compared for row in rows), "what is read back is not what was rounded for"
    wanted = merged(again, BFLOAT16, Calibrated(inputs_of_layers(again, rows))).state_dict()
    written = load_file(files[0])
    assert all(written[name].equal(wanted[name]) for name in written)
    along = merged(load_checkpoint(checkpoint), BFLOAT16, everywhere(compensated)).state_dict()
    assert not all(written[name].equal(along[name]) for name in written)
