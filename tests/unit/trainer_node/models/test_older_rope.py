"""The older spelling of a rotary embedding changes nothing for Transformers 5, and is what each type reads in Transformers 4.57."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.models.family_run import logits
from tests.models.ropes import LONG, NEWER, ROPES, build_rope
from tests.models.tiny import tokenizer
from trainer_node.config import TrainConfig
from trainer_node.models.older_rope import older_rope, with_older_rope
from trainer_node.models.portable import both_spellings
from trainer_node.models.restore import load_for_training, save_for_resume


def said_in(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", ROPES)
def test_what_was_written_is_read_back_as_the_same_model(tmp_path, kind):
    wanted = logits(build_rope(kind, tmp_path))
    before = said_in(tmp_path)
    both_spellings(tmp_path)
    said = said_in(tmp_path)
    assert said["rope_parameters"] == before["rope_parameters"]
    assert bool({"rope_theta", "rotary_emb_base"} & said.keys()) is (kind not in NEWER), "else nothing was tried"
    torch.testing.assert_close(logits(AutoModelForCausalLM.from_pretrained(tmp_path)), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["longrope", "by layer", "of some layers", "proportional"])
def test_a_checkpoint_of_all_weights_can_be_read_again(tmp_path, kind):
    build_rope(kind, tmp_path / "base")
    made = tokenizer()
    made.save_pretrained(tmp_path / "base")
    config = said_in(tmp_path / "base") | {"vocab_size": len(made)}
    (tmp_path / "base" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(tmp_path / "base"))
    model.save_pretrained(tmp_path / "base")
    loaded = load_for_training(TrainConfig(model=str(tmp_path / "base"), bits=32, lora_r=0), None)
    save_for_resume({}, loaded, tmp_path / "checkpoint")
    torch.testing.assert_close(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "checkpoint")), logits(loaded.model), rtol=0, atol=0)


def test_each_type_of_model_gets_the_form_that_it_reads_there():
    long = LONG | {"rope_theta": 1e4, "original_max_position_embeddings": 16, "partial_rotary_factor": 1.0}
    factors = {name: LONG[name] for name in ("short_factor", "long_factor")}
    assert older_rope("phi3", long)["rope_scaling"] == {"type": "longrope"} | factors, "three fields, no more"
    assert older_rope("olmo2", {"rope_type": "linear", "factor": 4})["rope_scaling"] == {"type": "linear", "factor": 4.0}
    assert older_rope("gpt_neox", {"rope_theta": 5.0, "partial_rotary_factor": 0.5}) == {"rotary_emb_base": 5.0, "rotary_pct": 0.5}
    assert older_rope("gpt_oss", {"rope_type": "default"}) == {"rope_scaling": None}, "else it takes yarn"


def test_a_scaling_that_is_unknown_there_is_written_whole_so_that_it_is_refused_and_not_misread():
    rope = {"rope_type": "proportional", "rope_theta": 5.0}
    assert older_rope("llama", rope)["rope_scaling"] == {"rope_type": "proportional", "type": "proportional"}
    yarn = {"rope_type": "yarn", "factor": 4.0}
    assert older_rope("olmo2", yarn)["rope_scaling"] == yarn | {"type": "yarn"}, "olmo2 refuses more than two fields there"


@pytest.mark.parametrize("config", [
    {"model_type": "nobodys", "rope_parameters": {"rope_type": "default", "rope_theta": 5.0}},
    {"model_type": "gemma4_text", "rope_parameters": {"full_attention": {"rope_type": "proportional", "rope_theta": 5.0}}},
    {"model_type": "phi3", "rope_parameters": {"rope_type": "longrope", "rope_theta": 5.0}},
])  # fmt: skip
def test_what_cannot_be_said_in_the_older_spelling_stays_as_it_is(config):
    assert with_older_rope(config) == config
