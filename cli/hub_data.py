"""A data set of the Hugging Face hub, by name, as files of rows for the reader that reads all others.

Its files are fetched, not loaded: `datasets` would guess the types of JSON and CSV from a part of them. What the data set declares (names
of labels) is kept. Only what is not made of such files is loaded by `datasets`, whose Arrow files are then read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reading.columnar import label_names
from reading.paths import SPLITS, Named
from schemas.errors import ConfigError, DownloadError

HELD_OUT = 2000
"""Samples taken of a validation or test split: as many as a trainer keeps."""
NAME = re.compile(r"([\w.-]+/[\w.-]+)(?::([\w.-]+))?(?::([\w.-]+))?")
"""`owner/name`, `owner/name:config`, `owner/name:config:split`."""
OF_FILES = frozenset({"Json", "Csv", "Parquet", "Arrow"})
"""Builders of `datasets` whose files are files of rows."""


def is_hub_name(given: str) -> bool:
    """Whether it reads as `owner/name`, perhaps with a configuration and a split, and is no file here."""
    return NAME.fullmatch(given) is not None and not Path(given).exists()


def fetched(name: str) -> list[Named]:
    """The files of a data set: of its split `train`, and of `validation`, or else `test`, the first, of which some samples are held out.

    Args:
        name: `owner/name[:config[:split]]` on the hub, or a folder that `datasets` knows.

    Raises:
        DownloadError: there is no such data set, or the hub cannot be reached.
        ConfigError: it has several configurations or training splits, and none is named.
    """
    match = NAME.fullmatch(name)
    where, config, split = match.groups() if match else (name, None, None)
    builder = _asked(name, lambda: _builder(where, config))
    labels = label_names(builder.info.features)
    if any(kind.__name__ in OF_FILES for kind in type(builder).__mro__) and builder.config.data_files:
        splits = {str(key): list(map(str, urls)) for key, urls in builder.config.data_files.items()}
        return [
            file._replace(path=Path(path), labels=labels)
            for file, urls in _wanted(name, splits, split)
            for path in _asked(name, lambda urls=urls: _downloaded(urls))
        ]
    return list(_asked(name, lambda: _loaded(name, builder, split)))


def _builder(where: str, config: str | None) -> Any:
    from datasets import load_dataset_builder

    return load_dataset_builder(where, config)


def _asked(name: str, ask: Any) -> Any:
    """What the hub answers, or one line about why it does not."""
    from datasets.exceptions import DatasetNotFoundError
    from httpx import HTTPError

    try:
        return ask()
    except (DatasetNotFoundError, OSError, HTTPError, RuntimeError) as error:  # the last is what a client says that has given up
        why = " ".join(str(error).split())[:200]
        away = "the hub cannot be reached" if isinstance(error, HTTPError | RuntimeError) else why
        raise DownloadError(f"data set {name} cannot be had: {away}; give a file instead") from None
    except ValueError as error:
        if "Config name is missing" not in str(error):
            raise DownloadError(f"data set {name} cannot be had: {' '.join(str(error).split())[:300]}") from None
        offered = re.findall(r"'([\w.-]+)'", str(error).split("\n")[0])
        raise ConfigError(f"data set {name} has several configurations: {', '.join(offered)}; name one, as {name}:{offered[0]}") from None


def _downloaded(urls: list[str]) -> list[str]:
    from datasets import DownloadManager

    return [str(path) for path in DownloadManager().download(urls)]


def _wanted(name: str, splits: dict[str, list[str]], split: str | None) -> Iterator[tuple[Named, list[str]]]:
    """The files to train on, then those held out."""
    yield Named(Path()), splits[_training(name, list(splits), split)]
    held_out = [one for pattern in SPLITS.values() for one in splits if pattern.search(one)]
    if held_out and split is None:
        yield Named(Path(), "validation", HELD_OUT), splits[held_out[0]][:1]


def _training(name: str, splits: list[str], split: str | None) -> str:
    found = [split] if split else ["train"] if "train" in splits else [one for one in splits if one.startswith("train")]
    if len(found) == 1 and found[0] in splits:
        return found[0]
    raise ConfigError(f"data set {name} has no split {split or 'train'!r}, but {', '.join(splits)}; name one, as NAME:CONFIG:SPLIT")


def _loaded(name: str, builder: Any, split: str | None) -> list[Named]:
    """What is not made of files of rows, as `datasets` loads it."""
    builder.download_and_prepare()
    whole = builder.as_dataset()
    files = {str(key): [one["filename"] for one in part.cache_files] for key, part in whole.items()}
    return [file._replace(path=Path(path)) for file, paths in _wanted(name, files, split) for path in paths]
