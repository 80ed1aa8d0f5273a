"""One loader of settings: defaults < YAML < environment < flags, and a mistake is one line: the setting, the place, what it may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.errors import ConfigError
from streams.settings import SECTIONS, Section, read_section, sections


class Made(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    batch_size: int = Field(default=8, ge=1)
    rate: float = 0.5
    level: Literal["low", "high"] = "low"
    password: SecretStr | None = Field(default=None, min_length=3)

    @model_validator(mode="after")
    def _fits(self) -> Made:
        if self.level == "high" and self.batch_size > 100:
            raise ValueError("batch_size must be at most 100 where level is high")
        return self


VARIABLES = {"batch_size": "MADE_BATCH_SIZE", "rate": "MADE_RATE", "level": "MADE_LEVEL"}
SECTION = Section("train", Made, VARIABLES, "MADE_")
LOOSE = Section("train", Made, VARIABLES)


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "run.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("environ", "flags", "found"),
    [
        ({}, {}, 2),
        ({"MADE_BATCH_SIZE": "3"}, {}, 3),
        ({"MADE_BATCH_SIZE": "3"}, {"batch_size": 4}, 4),
        ({}, {"batch_size": 4}, 4),
        ({"MADE_BATCH_SIZE": ""}, {"batch_size": None}, 2),
    ],
)
def test_flags_win_over_the_environment_over_yaml_over_defaults(written, environ, flags, found):
    loaded = SECTION.load(written("kafka: {batch_size: 9}\ntrain:\n  batch_size: 2\n  level: high\n"), environ, flags)
    assert (loaded.batch_size, loaded.rate, loaded.level) == (found, 0.5, "high")


def test_without_a_file_or_its_section_there_are_defaults(written):
    assert SECTION.load(None, {}, {}) == Made()
    for text in ("", "kafka:\n  partitions: 1\n", "train:\n"):
        assert SECTION.load(written(text), {}, {}) == Made()


def test_variables_that_are_no_settings_of_ours_are_passed_over_and_misspelt_ones_are_not():
    assert LOOSE.load(None, {"MADE_BACH_SIZE": "3", "HOME": "/"}, {}) == Made()
    assert SECTION.load(None, {"HOME": "/"}, {}) == Made()
    with pytest.raises(ConfigError) as told:
        SECTION.load(None, {"MADE_BACH_SIZE": "3"}, {})
    assert str(told.value) == "train setting 'bach_size' (MADE_BACH_SIZE): no such setting; did you mean 'batch_size'?"


@pytest.mark.parametrize(
    ("text", "environ", "flags", "says"),
    [
        ("", {}, {"batch_size": "many"}, "train setting 'batch_size' (--batch-size: 'many'): must be a whole number"),
        ("", {}, {"batch_size": 1.5}, "train setting 'batch_size' (--batch-size: 1.5): must be a whole number"),
        ("", {"MADE_RATE": "fast"}, {}, "train setting 'rate' (MADE_RATE: 'fast'): must be a number"),
        ("", {"MADE_BATCH_SIZE": "0"}, {}, "train setting 'batch_size' (MADE_BATCH_SIZE: '0'): must be greater than or equal to 1"),
        ("train: {level: low-ish}", {}, {}, "train setting 'level' (PATH: 'low-ish'): must be 'low' or 'high'"),
        ("train: {rate: [1]}", {}, {}, "train setting 'rate' (PATH: [1]): must be a valid number"),
        ("train: {rte: 1}", {}, {}, "train setting 'rte' (PATH): no such setting; did you mean 'rate'?"),
        (
            "train: {zzz: 1}",
            {},
            {},
            "train setting 'zzz' (PATH): no such setting; there are batch_size, rate, level, password",
        ),
        ("train: {zzz: 1}", {}, {"zzz": 2}, "train setting 'zzz' (--zzz): no such setting; there are batch_size, rate, level, password"),
        ("", {}, {"password": "no"}, "train setting 'password' (--password): Value should have at least 3 items after validation, not 2"),
        ("", {}, {"level": "high", "batch_size": 101}, "train settings: batch_size must be at most 100 where level is high"),
    ],
)
def test_a_mistake_is_one_line_that_says_which_setting_where_and_what_it_may_be(written, text, environ, flags, says):
    path = written(text)
    with pytest.raises(ConfigError) as told:
        SECTION.load(path, environ, flags)
    assert str(told.value) == says.replace("PATH", str(path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kafka: {a\n", "PATH: not YAML at line 2"),
        ("a: b: c", "PATH: not YAML at line 1"),
        ("\x01", "PATH: not YAML"),
        (b"\xff\xfe\xff", "PATH: cannot be read (not UTF-8); give a YAML file with the sections `kafka:` and `train:`"),
        ("- 1\n", "PATH: the file must be a mapping of sections, `kafka:` and `train:`"),
        ("trian: {}\n", "PATH: no such section 'trian'; did you mean `train:`?"),
        ("1: {}\n", "PATH: no such section '1'; there are `kafka:` and `train:`"),
        ("train: [1]\n", "PATH: section 'train' must be a mapping of settings to values"),
    ],
)
def test_a_file_that_cannot_be_read_as_settings_is_told_in_one_line(written, text, says):
    path = written(text)
    with pytest.raises(ConfigError) as told:
        SECTION.load(path, {}, {})
    assert str(told.value) == says.replace("PATH", str(path))


def test_a_file_that_is_missing_is_told_in_one_line(tmp_path):
    path = tmp_path / "absent.yaml"
    with pytest.raises(ConfigError) as told:
        read_section(path, "train")
    assert (
        str(told.value) == f"{path}: cannot be read (No such file or directory); give a YAML file with the sections `kafka:` and `train:`"
    )


def test_a_section_is_read_with_its_names_as_text(written):
    assert read_section(written("train: {1: 2, ä: ö}"), "train") == {"1": 2, "ä": "ö"}
    assert (SECTIONS, sections()) == (("kafka", "train"), "`kafka:` and `train:`")


def test_a_variable_is_told_by_its_own_name_however_it_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^train setting 'rate' \(SPEED: 'fast'\): must be a number$"):
        Section("train", Made, {"rate": "SPEED"}, "MADE_").load(None, {"SPEED": "fast"}, {})


def test_a_setting_that_no_variable_is_named_for_is_found_by_its_prefix() -> None:
    with pytest.raises(ConfigError, match=r"\(MADE_PASSWORD\)"):
        SECTION.load(None, {"MADE_PASSWORD": "no"}, {})


def test_a_secret_is_never_told(written):
    for place in ({"flags": {"password": "no"}}, {"environ": {"MADE_PASSWORD": "no"}}):
        given: dict[str, Any] = {"environ": {}, "flags": {}} | place
        with pytest.raises(ConfigError) as told:
            SECTION.load(None, given["environ"], given["flags"])
        assert "'no'" not in str(told.value)
