"""What is saved is read by others as what it is: in older versions' words, with the base's own limits and settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import GenerationConfig, LlamaConfig

from tests.models.checkpoints import commit
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.data.rendering import PLAIN_LAYOUT
from trainer_node.models.export import export_adapter, export_merged
from trainer_node.models.identity import weights_identity
from trainer_node.models.portable import both_spellings, save_with_any_generation_settings
from trainer_node.models.restore import load_for_training

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512}


def document(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


def exported(base: Path, folder: Path, max_seq: int = 64) -> Path:
    loaded = load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2, max_seq=max_seq), None)
    (path,) = commit(folder / "run", [loaded], base)
    return export_merged(path, folder / "out").folder


@pytest.mark.parametrize("scaling", [{}, LLAMA3], ids=["plain", "scaled"])
def test_a_configuration_says_the_rotary_embedding_in_both_spellings(tmp_path, scaling):
    LlamaConfig(rope_parameters={"rope_theta": 123456.0, "rope_type": "default"} | scaling, dtype="bfloat16").save_pretrained(tmp_path)
    before = weights_identity(str(tmp_path))
    both_spellings(tmp_path)
    said = document(tmp_path / "config.json")
    assert said["rope_theta"] == said["rope_parameters"]["rope_theta"] == 123456.0
    assert said["torch_dtype"] == said["dtype"] == "bfloat16"
    assert said.get("rope_scaling", {}) == (scaling | {"type": "llama3"} if scaling else {})
    assert LlamaConfig.from_pretrained(tmp_path).rope_parameters["rope_theta"] == 123456.0
    assert weights_identity(str(tmp_path)) == before, "it is the same model"


def test_of_two_kinds_of_layers_each_has_its_own_old_key(tmp_path):
    from transformers import Gemma3TextConfig

    Gemma3TextConfig().save_pretrained(tmp_path)
    both_spellings(tmp_path)
    said = document(tmp_path / "config.json")
    assert said["rope_theta"] == said["rope_parameters"]["full_attention"]["rope_theta"]
    assert said["rope_local_base_freq"] == said["rope_parameters"]["sliding_attention"]["rope_theta"]


def test_a_tokenizer_is_of_a_class_that_older_readers_have_with_the_base_s_own_limit(tmp_path):
    base = build(tmp_path / "base")
    settings = document(base / "tokenizer_config.json") | {"model_max_length": 1024, "extra_special_tokens": ["<user>"]}
    (base / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    out = exported(base, tmp_path)
    said = document(out / "tokenizer_config.json")
    assert said["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert said["model_input_names"] == ["input_ids", "attention_mask"]
    assert said["model_max_length"] == 1024
    assert said["additional_special_tokens"] == ["<user>"]
    assert not said.keys() & {"is_local", "local_files_only", "backend", "extra_special_tokens"}
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    kept = document(checkpoint / "tokenizer_config.json")
    assert (kept["tokenizer_class"], kept["model_max_length"]) == ("PreTrainedTokenizerFast", 1024)


def both_exports(base: Path, folder: Path) -> list[Any]:
    """The tokenizers of a merged model and of an adapter."""
    from transformers import AutoTokenizer

    merged = exported(base, folder)
    export_adapter(folder / "run", folder / "adapter")
    return [AutoTokenizer.from_pretrained(place) for place in (merged, folder / "adapter")]


def test_a_base_without_a_template_gets_the_layout_that_was_trained_in_either_export(tmp_path):
    base = build(tmp_path / "base")
    (base / "chat_template.jinja").unlink()
    assert [tokenizer.chat_template for tokenizer in both_exports(base, tmp_path)] == [PLAIN_LAYOUT] * 2


def test_either_export_has_the_whole_tokenizer_named_templates_and_added_tokens_too(tmp_path):
    from transformers import AutoTokenizer

    base = build(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tool_use": "{{ messages }}"}
    tokenizer.save_pretrained(base)
    wanted = tokenizer.chat_template
    for found in both_exports(base, tmp_path):
        assert found.chat_template == wanted
        assert found("<user>what?<eos>")["input_ids"] == tokenizer("<user>what?<eos>")["input_ids"]


def test_an_adapter_of_a_base_without_a_file_for_its_vocabulary_keeps_its_added_tokens(tmp_path):
    from transformers import AutoTokenizer, ByT5Tokenizer

    base = build(tmp_path / "base")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (base / file).unlink()
    made = ByT5Tokenizer(extra_ids=0)
    made.add_tokens(["<extra>"])
    made.save_pretrained(base)
    (path,) = commit(tmp_path / "run", [load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2), None)], base)
    export_adapter(path, tmp_path / "adapter")
    found, wanted = (AutoTokenizer.from_pretrained(place)("<extra> a")["input_ids"] for place in (tmp_path / "adapter", base))
    assert found == wanted


WITHOUT_EFFECT = [
    ({"do_sample": False, "temperature": 0.7, "top_p": 0.5, "top_k": 3}, {"temperature", "top_p", "top_k"}),
    ({"temperature": 0.6, "typical_p": 0.5}, {"temperature", "typical_p"}),
    ({"early_stopping": True, "repetition_penalty": 1.3}, {"early_stopping"}),
    ({"do_sample": True, "temperature": 0.7, "num_beams": 1, "length_penalty": 2.0}, {"length_penalty"}),
    ({"output_scores": True, "repetition_penalty": 1.3}, {"output_scores"}),
    ({"do_sample": True, "temperature": 0.7, "top_p": 0.5}, set()),
]
"""Generation settings of a base, and which of them have no effect."""


@pytest.mark.parametrize(("settings", "without_effect"), WITHOUT_EFFECT)
def test_of_generation_settings_that_cannot_be_saved_only_those_without_effect_are_left_out(tmp_path, settings, without_effect):
    base = build(tmp_path / "base")
    said = document(base / "generation_config.json") | settings
    (base / "generation_config.json").write_text(json.dumps(said), encoding="utf-8")
    out = exported(base, tmp_path)
    GenerationConfig.from_pretrained(out).validate(strict=True)
    kept = document(out / "generation_config.json")
    assert {name: kept.get(name) for name in settings if name not in without_effect} == {
        name: value for name, value in settings.items() if name not in without_effect
    }
    assert all(kept.get(name) is None for name in without_effect)
    assert bool(kept.get("do_sample")) is settings.get("do_sample", False), "greedy stays greedy"


@pytest.mark.parametrize("fault", [{"num_return_sequences": 4}, {"cache_implementation": "nobodys"}, {"early_stopping": "soon"}])
def test_settings_that_are_wrong_and_not_only_without_effect_end_no_checkpoint_either(tmp_path, fault):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(build(tmp_path / "base"))
    for name, value in (fault | {"temperature": 0.7, "repetition_penalty": 1.3}).items():
        setattr(model.generation_config, name, value)
    save_with_any_generation_settings(model, tmp_path / "out")
    kept = document(tmp_path / "out" / "generation_config.json")
    assert kept["repetition_penalty"] == 1.3
    assert not [name for name in (*fault, "temperature") if kept.get(name)]


def test_an_adapter_is_exported_with_its_base_its_tokenizer_and_a_card(tmp_path):
    base = build(tmp_path / "base")
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n", encoding="utf-8")
    loaded = load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2), None)
    (path,) = commit(tmp_path / "run", [loaded], base)
    assert export_adapter(path, tmp_path / "adapter") > 1000
    settings = document(tmp_path / "adapter" / "adapter_config.json")
    assert settings["base_model_name_or_path"] == str(base)
    assert settings["inference_mode"] is True
    card = (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert str(weights_identity(str(base))) in card
    assert "32 bits, arithmetic in float32" in card
    assert not (tmp_path / "adapter" / "optimizer.pt").exists()
