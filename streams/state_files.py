"""The files in which stream processors keep what they know across a restart: JSON, each replaced as a whole."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError

logger = logging.getLogger(__name__)


def make_folder(folder: Path) -> Path:
    """The folder, made where it is missing.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"state folder {folder}: cannot be made ({error.strerror})") from None
    return folder


def state_path(folder: Path, name: str) -> Path:
    """The file of a name, which may hold anything."""
    return folder / (re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".json")


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Put the document in the file's place, as a whole or not at all."""
    staging = path.with_suffix(f".{os.getpid()}.tmp")  # workers may share a folder
    staging.write_text(json.dumps(document), encoding="utf-8")
    staging.replace(path)


def read_json(path: Path | None) -> dict[str, Any] | None:
    """What the file holds; None, and a warning, where it holds no JSON object; None where there is no file."""
    if path is None or not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        logger.warning("state file %s cannot be used (%s); it is made anew", path, error)
        return None
    if not isinstance(document, dict):
        logger.warning("state file %s holds no object; it is made anew", path)
        return None
    return document
