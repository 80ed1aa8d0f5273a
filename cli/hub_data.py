"""A data set of the Hugging Face hub, by name, as a JSONL file of samples for `pelton train --dataset-path`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, DownloadError
from schemas.sample import Sample

HELD_OUT = 2000
"""Samples taken of a validation or test split: as many as a trainer keeps."""
TEXT = ("text", "content", "document", "sentence")
"""Columns that hold the text of a sample, the first that is there; a `title` goes before it."""


def is_hub_name(given: str) -> bool:
    """Whether it reads as `owner/name`, and is no file here."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", given) is not None and not Path(given).exists()


def fetch(name: str, folder: Path) -> Path:
    """The data set's samples as a file in a folder; at once where it is there already.

    `train` is trained on; of `validation`, or else `test`, the first samples are held out.

    Args:
        name: `owner/name` on the hub, or a folder that `datasets` loads.
        folder: where the file goes.

    Raises:
        DownloadError: there is no such data set, or the hub cannot be reached.
        ConfigError: its columns are not those of samples.
    """
    path = folder / f"{Path(name).name if Path(name).exists() else name.replace('/', '--')}.jsonl"
    if path.exists():
        return path
    splits = _load(name)
    folder.mkdir(parents=True, exist_ok=True)
    staging = path.with_suffix(".part")
    with staging.open("w", encoding="utf-8") as file:
        for row in _rows(name, splits):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    staging.replace(path)
    return path


def _load(name: str) -> Any:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        return load_dataset(name)
    except (DatasetNotFoundError, OSError) as error:
        raise DownloadError(
            f"data set {name} cannot be had: {' '.join(str(error).split())[:200]}; give a JSONL or CSV file instead"
        ) from None


def _rows(name: str, splits: Any) -> Iterator[dict[str, Any]]:
    if "train" not in splits:
        raise ConfigError(f"data set {name} has no split `train`, but {', '.join(splits)}")
    for row in splits["train"]:
        yield _sample(name, row, splits["train"].features)
    held_out = next((split for split in ("validation", "test") if split in splits), None)
    if held_out is None:
        return
    for row in splits[held_out].select(range(min(HELD_OUT, len(splits[held_out])))):
        yield _sample(name, row, splits[held_out].features) | {"split": "validation"}


def _sample(name: str, row: dict[str, Any], features: Any) -> dict[str, Any]:
    """A row under the names of a sample's fields; columns that a sample does not have are left out."""
    made = {column: value for column, value in row.items() if column in Sample.model_fields and value is not None}
    label = features.get("label")
    if hasattr(label, "names"):
        made |= {"label": label.names[row["label"]], "label_set": label.names}
    text = next((column for column in TEXT if column in row), None)
    if text:
        made["text"] = f"{row['title']}\n\n{row[text].strip()}" if row.get("title") else row[text]
    if not {"text", "prompt"} & made.keys():
        raise ConfigError(f"data set {name} has the columns {', '.join(row)}: a sample needs `text` or `prompt`")
    return made
