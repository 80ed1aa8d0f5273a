"""`pelton preview` shows what the trainer will see, on files as producers have them, with the small model's own tokenizer."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.preview import preview
from schemas.errors import UserError
from trainer_node.config import TrainConfig
from trainer_node.models.gguf import model_source
from trainer_node.models.loader import load_tokenizer

SHAREGPT = {
    "conversations": [
        {"from": "human", "value": "Which metal is liquid? <|im_end|>"},
        {"from": "gpt", "value": "Mercury."},
        {"from": "human", "value": "Its symbol?"},
        {"from": "gpt", "value": "Hg."},
    ]
}
ALPACA = {"instruction": "Name a noble gas.", "input": "", "output": "Helium."}
PAIR = {"prompt": "Name a noble gas.", "chosen": "Helium.", "rejected": "Nitrogen."}
ASKED = {"prompt": "Which metal is liquid?", "gold": ["mercury"]}


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(preview, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def write(tmp_path: Path):
    def to_file(*rows: dict, name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return to_file


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(model_source("default"), 1024)


def test_what_is_learnt_is_set_off_in_the_text_under_the_models_template(write):
    shown = run(write(SHAREGPT)).output
    assert "<|im_start|>user\nWhich metal is liquid? <|im_end|><|im_end|>\n<|im_start|>assistant\n⟦Mercury.<|im_end|>⟧\n" in shown
    assert "<|im_start|>assistant\n⟦Hg.<|im_end|>⟧\n" in shown
    assert "loss on assistant" in shown
    last = run(write(SHAREGPT), "--loss-on", "last").output
    assert "<|im_start|>assistant\nMercury.<|im_end|>\n" in last
    assert "⟦Hg.<|im_end|>⟧" in last


def test_each_kind_of_sample_is_shown_as_it_is_trained(write):
    shown = run(write(ALPACA, name="a.jsonl"), write(PAIR, name="p.jsonl"), write(ASKED, name="q.jsonl")).output
    assert "⟦Helium.<|im_end|>⟧" in shown
    assert "[chosen]\n" in shown
    assert "⟦Nitrogen.<|im_end|>⟧" in shown
    assert shown.count("qa  ") == 1
    assert "rlhf_grpo" in shown
    assert "0 with loss" in shown, "nothing of a prompt is learnt"


def test_a_terminal_has_colours_and_no_color_is_heeded(write, monkeypatch):
    from cli.preview_rows import Preview
    from cli.preview_text import show
    from cli.sample_reader import read_options, readers_of

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    found = Preview(TrainConfig(), 1)
    for reader in readers_of([str(write(ALPACA))], read_options(skip_bad=True)):
        found.look(reader)
    for no_colour, wanted in (("", "\x1b[32mHelium.<|im_end|>\x1b[0m"), ("1", "⟦Helium.<|im_end|>⟧")):
        monkeypatch.setenv("NO_COLOR", no_colour)
        monkeypatch.setattr(sys, "stdout", Terminal())
        show(found)
        assert wanted in sys.stdout.getvalue()


def test_characters_that_a_terminal_would_obey_are_shown_and_not_sent(write):
    assert "red \\u001b[31m ink" in run(write({"text": "red \x1b[31m ink"})).output


def test_the_lengths_are_those_of_the_whole_file_and_what_is_cut_is_told(write, tokenizer):
    rows = [{"prompt": "a", "answer": "b " * count} for count in (1, 2, 3, 400)]
    said = json.loads(run(write(*rows), "--rows", 1, "--max-seq", 128, "--json").output)
    lengths = [
        len(tokenizer.apply_chat_template([{"role": "user", "content": "a"}], add_generation_prompt=True, return_dict=False))
        + len(tokenizer(row["answer"], add_special_tokens=False)["input_ids"]) + 1
        for row in rows
    ]  # fmt: skip
    assert said["tokens"] == {"p50": lengths[1], "p90": lengths[3], "p95": lengths[3], "p99": lengths[3], "max": lengths[3]}
    assert (said["samples"], said["cut"], said["max_seq"], len(said["rows"])) == (4, 1, 128, 1)
    row = said["rows"][0]
    assert (row["line"], row["task"], row["tokens"], row["cut_to"]) == (1, "qa", lengths[0], None)
    assert [piece["learnt"] for piece in row["text"][""]] == [False, True]
    shown = run(write(rows[3]), "--max-seq", 128).output
    assert f"{lengths[3]} tokens, cut to 128" in shown
    assert "⋯ cut here" in shown
    assert "cut to --max-seq 128: 1 sample" in shown


def test_what_would_be_dead_lettered_is_told_with_the_reason_and_its_line(write):
    long = {"prompt": "x " * 300, "answer": "y"}
    result = run(write(ALPACA, long, {"prompt": "z", "answer": None}), "--max-seq", 64)
    assert result.exit_code == 0
    assert "would be dead-lettered: too_long:" in result.output
    assert "would be dead-lettered: 1 sample as too_long, the first" in result.output
    assert "rows.jsonl:2: too_long" in result.output
    said = json.loads(run(write(ALPACA, long), "--max-seq", 64, "--json").output)
    assert said["refused"] == {"too_long": 1}
    assert said["rows"][1]["refused"].startswith("too_long")


def test_a_file_of_which_nothing_could_be_trained_is_no_success(write):
    assert run(write({"prompt": "x " * 300, "answer": "y"}), "--max-seq", 64).exit_code == 2


def test_files_are_read_as_produce_reads_them(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("frage;antwort\nName a gas.;Helium.\n", encoding="utf-8")
    assert "⟦Helium.<|im_end|>⟧" in run(path, "--map", "prompt=frage,answer=antwort").output
    assert "⟦Helium.<|im_end|>⟧" in run(path, "--map", "prompt=frage,answer=antwort", "--task", "qa").output


def test_a_model_that_is_not_there_is_named(write, tmp_path):
    with pytest.raises(UserError, match="no model at"):
        run(write(ALPACA), "--model", tmp_path / "gone")
