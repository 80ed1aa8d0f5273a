"""A model whose weights are not all in its files, or that reads ahead, is refused in one line: before anything starts, and at loading."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import BartConfig, BartForConditionalGeneration, BertConfig, BertForMaskedLM, LlamaForCausalLM, LlamaModel

from schemas.errors import ConfigError
from tests.models.tiny import build, tokenizer
from trainer_node.models import loader
from trainer_node.models.causal import refuse_other_kinds
from trainer_node.models.fits import refuse_what_cannot_be_loaded
from trainer_node.models.loader import load_model

SMALL = {"vocab_size": 400, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A Llama whose output layer has weights of its own."""
    folder = build(tmp_path / "tied")
    untied = LlamaForCausalLM.from_pretrained(folder, tie_word_embeddings=False)
    shutil.copytree(folder, tmp_path / "model")
    untied.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def by_unsloth(folder: Path) -> None:
    """As far as it comes where Unsloth is not: the files are looked at before it is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "choose_backend", lambda *_: "unsloth")
        load_model(folder, bits=32, device="cpu")


READERS = [
    pytest.param(lambda folder: load_model(folder, bits=32, device="cpu"), id="loading"),
    pytest.param(lambda folder: refuse_what_cannot_be_loaded("m", str(folder), 32, "hf"), id="before anything starts"),
    pytest.param(by_unsloth, id="unsloth"),
]


def without(folder: Path, *names: str) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight for name, weight in weights.items() if name not in names}, folder / "model.safetensors", {"format": "pt"})


def refused(read: Callable[[Path], object], folder: Path) -> str:
    with pytest.raises(ConfigError) as error:
        read(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
def test_weights_that_would_be_drawn_by_chance_are_named(read, name, model, caplog):
    without(model, name)
    assert f"is not whole: its files lack 1 weight, {name}, of a LlamaForCausalLM" in refused(read, model)
    assert "LOAD REPORT" not in caplog.text


@pytest.mark.parametrize("read", READERS)
def test_many_that_are_missing_are_counted_and_the_first_ones_named(read, model):
    without(model, *(f"model.layers.1.self_attn.{part}_proj.weight" for part in "qkvo"))
    named = ", ".join(f"model.layers.1.self_attn.{part}_proj.weight" for part in "koq")
    assert f"lack 4 weights, {named}, …, of a LlamaForCausalLM" in refused(read, model)


@pytest.mark.parametrize("read", READERS)
def test_weights_of_another_shape_than_the_configuration_says_are_named(read, model):
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | {"vocab_size": config["vocab_size"] + 1}), encoding="utf-8")
    told = refused(read, model)
    assert "2 weights, lm_head.weight, model.embed_tokens.weight, of another shape (lm_head.weight is [" in told


@pytest.mark.parametrize("read", READERS)
def test_the_body_of_a_model_without_its_output_is_not_whole(read, model):
    LlamaModel.from_pretrained(model).save_pretrained(model)
    assert "lack 1 weight, lm_head.weight" in refused(read, model)


def test_tied_weights_and_what_is_left_over_are_no_fault(model, tmp_path):
    weights = load_file(model / "model.safetensors")
    save_file(weights | {"of.another.part": weights["model.norm.weight"].clone()}, model / "model.safetensors", {"format": "pt"})
    assert load_model(model, bits=32, device="cpu").bits == 32
    refuse_what_cannot_be_loaded("m", str(model), 32, "hf")
    assert "lm_head.weight" not in load_file(tmp_path / "tied" / "model.safetensors")
    assert load_model(tmp_path / "tied", bits=32, device="cpu").bits == 32
    refuse_what_cannot_be_loaded("m", str(tmp_path / "tied"), 32, "hf")


@pytest.mark.parametrize("read", READERS)
def test_a_model_with_an_encoder_is_refused_though_its_decoder_would_load(read, tmp_path):
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    BartForConditionalGeneration(BartConfig(d_model=16, **layers, **SMALL)).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert "of the type bart, which has an encoder and a decoder" in refused(read, tmp_path)


@pytest.mark.parametrize("read", READERS)
def test_a_model_that_reads_both_ways_is_refused_unless_it_is_a_decoder(read, tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(**sizes, **SMALL)).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert "of the type bert, whose tokens see those that come after them" in refused(read, tmp_path)
    BertForMaskedLM(BertConfig(**sizes, **SMALL, is_decoder=True)).save_pretrained(tmp_path)
    refuse_other_kinds(str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "is_causal"),
    [
        ({"model_type": "gemma", "use_bidirectional_attention": True}, False),
        ({"model_type": "gemma"}, True),
        ({"model_type": "llama", "is_causal": False}, False),
        ({"model_type": "xlnet"}, False),
        ({"model_type": "xlm"}, False),
        ({"model_type": "gpt_neox"}, True),
    ],
)
def test_what_a_configuration_says_of_its_tokens_sight_is_heard(changes, is_causal, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(changes), encoding="utf-8")
    if is_causal:
        refuse_other_kinds(str(tmp_path))
    else:
        assert "see those that come after them" in refused(lambda folder: refuse_other_kinds(str(folder)), tmp_path)
