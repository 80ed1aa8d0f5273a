"""A checkpoint is read with the tokenizer and the template that it was trained with, though its base has others by now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from tests.models.checkpoints import commit
from tests.models.tiny import build, with_tokens
from trainer_node.commit.manifest import Checkpoint, read_manifest
from trainer_node.config import TrainConfig
from trainer_node.models.export import export_adapter, export_merged
from trainer_node.models.restore import load_checkpoint, load_for_asking, load_for_training
from trainer_node.models.vocabulary import refuse_folder_without_rows

OTHER = "{% for m in messages %}{{ m['content'] }}<eos>{% endfor %}"
TEXT = "what is <b>a</b>?"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return build(tmp_path / "base")


@pytest.fixture
def checkpoint(base: Path, tmp_path: Path) -> Path:
    (path,) = commit(tmp_path / "run", [load_for_training(settings(base), None)], base)
    return path


def settings(base: Path) -> TrainConfig:
    return TrainConfig(model=str(base), bits=32, lora_r=2)


def with_template(base: Path) -> None:
    (base / "chat_template.jinja").write_text(OTHER, encoding="utf-8")


def with_other_tokens(base: Path) -> None:
    """The same tokens under other numbers."""
    file = base / "tokenizer.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = document["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    file.write_text(json.dumps(document), encoding="utf-8")


def with_other_end(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.eos_token = "<user>"
    tokenizer.save_pretrained(base)


def exported(write: Callable[[Path, Path], object]) -> Callable[[Path, Path], Any]:
    def read(checkpoint: Path, base: Path) -> Any:
        write(checkpoint, checkpoint.parent / "out")
        return AutoTokenizer.from_pretrained(checkpoint.parent / "out")

    return read


READERS = [
    pytest.param(lambda checkpoint, base: load_for_asking(str(checkpoint)).tokenizer, id="ask"),
    pytest.param(lambda checkpoint, base: load_for_training(settings(base), checkpoint).tokenizer, id="resume"),
    pytest.param(exported(export_merged), id="merged"),
    pytest.param(exported(export_adapter), id="adapter"),
]


def said(tokenizer: Any) -> tuple[object, ...]:
    return tokenizer(TEXT)["input_ids"], tokenizer.chat_template, tokenizer.eos_token, tokenizer.pad_token


@pytest.mark.parametrize("change", [with_template, with_other_tokens, with_other_end])
@pytest.mark.parametrize("read", READERS)
def test_every_reader_takes_what_was_trained_whatever_the_base_has_now(read, change, checkpoint, base):
    wanted = said(load_for_training(settings(base), None).tokenizer)
    change(base)
    assert said(AutoTokenizer.from_pretrained(base)) != wanted
    assert said(read(checkpoint, base)) == wanted


@pytest.mark.parametrize(
    ("change", "told"),
    [(with_template, "the chat template of"), (with_other_tokens, "the tokens of"), (with_other_end, "the special tokens of")],
)
def test_that_the_base_has_another_is_said_in_one_line(change, told, checkpoint, base, caplog):
    load_for_asking(str(checkpoint))
    assert "whose own are taken" not in caplog.text
    change(base)
    load_for_asking(str(checkpoint))
    (line,) = [text for text in caplog.messages if "whose own are taken" in text]
    assert line.startswith(f"{told} {base} are not those that checkpoint {checkpoint.name} was trained with")


def test_a_base_without_a_tokenizer_is_enough_for_a_checkpoint_that_has_one(checkpoint, base, caplog):
    wanted = said(load_for_asking(str(checkpoint)).tokenizer)
    for file in base.glob("tokenizer*"):
        file.unlink()
    assert said(load_for_asking(str(checkpoint)).tokenizer) == wanted
    assert f"{base} has no tokenizer that can be read" in caplog.text


def test_a_checkpoint_of_an_older_version_without_one_takes_its_bases(checkpoint, base, caplog, tmp_path):
    old = Path(shutil.copytree(checkpoint, tmp_path / "old"))
    for file in (*old.glob("tokenizer*"), old / "chat_template.jinja"):
        file.unlink()
    with_template(base)
    asked = load_checkpoint(Checkpoint(old, read_manifest(old)[0], ""))
    assert asked.tokenizer.chat_template == OTHER
    assert load_for_training(settings(base), old).tokenizer.chat_template == OTHER
    assert "whose own are taken" not in caplog.text


def test_a_checkpoints_tokenizer_has_the_limit_that_its_model_was_made_for(checkpoint, base, tmp_path):
    made_for = AutoTokenizer.from_pretrained(base).model_max_length
    loaded = load_for_training(settings(base), checkpoint)
    assert loaded.max_seq < made_for
    export_merged(checkpoint, tmp_path / "out")
    assert AutoTokenizer.from_pretrained(tmp_path / "out").model_max_length == made_for


def test_tokens_that_the_base_has_got_since_do_not_keep_a_run_from_going_on(checkpoint, base):
    with_tokens(base, "<new>")
    refuse_folder_without_rows(str(base), checkpoint)
    assert load_for_training(settings(base), checkpoint).tokenizer.eos_token == "<eos>"
