"""A hub's data set is read as files are: labels by their names, a held-out part, text as it is written. A folder stands for the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from cli.hub_data import HELD_OUT, fetched, is_hub_name
from cli.sample_reader import ReadOptions, SampleReader
from schemas.errors import ConfigError, DownloadError
from schemas.sample import Sample


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.DOWNLOADED_DATASETS_PATH", tmp_path / "cache" / "downloads")


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "topics"
    made.mkdir()
    return made


def rows(name: str) -> list[Sample]:
    found = []
    for file in fetched(name):
        options = ReadOptions(split=file.split, limit=file.limit, labels=file.labels)
        found += [read.sample for read in SampleReader(file.path, options).read()]
    return found


def test_labels_get_the_names_that_the_columns_declare_and_a_part_is_held_out(folder):
    features = Features({"label": ClassLabel(names=["Company", "Artist"]), "title": Value("string"), "content": Value("string")})
    for split, labels in {"train": [0, 1, 1], "test": [1]}.items():
        columns = {"label": labels, "title": [f"t{n}" for n in range(len(labels))], "content": ["words."] * len(labels)}
        Dataset.from_dict(columns, features=features).to_parquet(folder / f"{split}.parquet")
    found = rows(str(folder))
    assert [(sample.label, sample.split) for sample in found] == [
        ("Company", "train"), ("Artist", "train"), ("Artist", "train"), ("Artist", "validation"),
    ]  # fmt: skip
    assert (found[0].text, found[0].label_set) == ("t0\n\nwords.", ("Company", "Artist"))


def test_columns_without_declared_types_are_text_as_it_is_written(folder):
    answers = ["007", "NA", "null", "None", "n/a", "-", "1846-10-10", "1e-12"]
    (folder / "train.jsonl").write_text("".join(json.dumps({"prompt": f"q{n}", "answer": a}) + "\n" for n, a in enumerate(answers)))
    assert [sample.answer for sample in rows(str(folder))] == answers


def test_labels_that_the_card_declares_name_those_of_a_csv_file(folder):
    (folder / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n  - name: label\n    dtype:\n"
        "      class_label:\n        names:\n          '0': neg\n          '1': pos\n---\n"
    )
    (folder / "train.csv").write_text("text,label\ngood,1\nNA,0\n")
    assert [(sample.text, sample.label) for sample in rows(str(folder))] == [("good", "pos"), ("NA", "neg")]


def test_a_label_keeps_its_name_in_a_row_whose_numbers_are_spelled_out(folder):
    (folder / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: text\n    dtype: float32\n  - name: label\n    dtype:\n"
        "      class_label:\n        names:\n          '0': neg\n          '1': pos\n---\n"
    )
    (folder / "train.jsonl").write_text('{"text": 1.50, "label": 1}\n')
    assert [(sample.text, sample.label) for sample in rows(str(folder))] == [("1.50", "pos")]


def test_of_what_is_held_out_as_many_as_a_trainer_keeps(folder):
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").write_text('{"text": "t"}\n' * (HELD_OUT + 5))
    found = rows(str(folder))
    assert sum(sample.split == "validation" for sample in found) == HELD_OUT
    assert len(found) == 2 * HELD_OUT + 5


def test_a_data_set_that_cannot_be_had_is_one_line(monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=r"data set nobody/nothing cannot be had: .*; give a file instead"):
        fetched("nobody/nothing")


def test_a_data_set_without_a_split_to_train_on_says_which_there_are(folder):
    (folder / "test.jsonl").write_text('{"text": "t"}\n')
    with pytest.raises(ConfigError, match="has no split 'train', but test"):
        fetched(str(folder))


def test_a_name_of_the_hub_is_told_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.jsonl").touch()
    assert is_hub_name("roneneldan/TinyStories")
    assert is_hub_name("openai/gsm8k:main:train")
    assert not is_hub_name("data/mine.jsonl")
    assert not is_hub_name("/tmp/data/gone.jsonl")
    assert not is_hub_name("gone.jsonl")
