"""A hub's data set becomes samples: labels by their names, a held-out part, and what it lacks named. A folder stands for the hub."""

from __future__ import annotations

import json

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from cli.hub_data import fetch, is_hub_name
from schemas.errors import ConfigError, DownloadError
from schemas.sample import Sample
from streams.curriculum.task_detector import to_training_sample


@pytest.fixture
def data_set(tmp_path, monkeypatch):
    """Laid out as `fancyzhx/dbpedia_14` is."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    features = Features({"label": ClassLabel(names=["Company", "Artist"]), "title": Value("string"), "content": Value("string")})

    def make(**splits):
        folder = tmp_path / "topics"
        folder.mkdir()
        for split, labels in splits.items():
            rows = {"label": labels, "title": [f"t{n}" for n in range(len(labels))], "content": [" words."] * len(labels)}
            Dataset.from_dict(rows, features=features).to_parquet(folder / f"{split}.parquet")
        return str(folder)

    return make


def test_rows_become_samples_that_the_curriculum_takes(data_set, tmp_path):
    path = fetch(data_set(train=[0, 1, 1], test=[1]), tmp_path / "out")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[0] == {"label": "Company", "label_set": ["Company", "Artist"], "text": "t0\n\nwords."}
    assert [row.get("split") for row in rows] == [None, None, None, "validation"]
    made = [to_training_sample(Sample.model_validate(row)) for row in rows]
    assert {sample.task.value for sample in made} == {"classification"}
    assert [sample.completion for sample in made] == ["Company", "Artist", "Artist", "Artist"]


def test_what_was_fetched_is_not_fetched_again(data_set, tmp_path):
    name = data_set(train=[0])
    path = fetch(name, tmp_path / "out")
    path.write_text("mine")
    assert fetch(name, tmp_path / "out").read_text() == "mine"


def test_a_data_set_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=r"data set nobody/nothing cannot be had: .*; give a JSONL or CSV file instead"):
        fetch("nobody/nothing", tmp_path)
    assert not list(tmp_path.glob("nobody*"))


def test_columns_that_make_no_sample_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "numbers").mkdir()
    Dataset.from_dict({"x": [1], "y": [2]}).to_parquet(tmp_path / "numbers" / "train.parquet")
    with pytest.raises(ConfigError, match="has the columns x, y: a sample needs `text` or `prompt`"):
        fetch(str(tmp_path / "numbers"), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.jsonl"))


def test_a_name_of_the_hub_is_told_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.jsonl").touch()
    assert is_hub_name("roneneldan/TinyStories")
    assert not is_hub_name("data/mine.jsonl")
    assert not is_hub_name("/tmp/data/gone.jsonl")
    assert not is_hub_name("gone.jsonl")
