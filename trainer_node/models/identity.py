"""Which weights a path leads to: a fingerprint, by which others under the same name are noticed, and the same ones under another taken."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from trainer_node.models.file_hashes import hashes_of
from trainer_node.models.old_identity import old_identity
from trainer_node.models.spellings import in_one_spelling
from trainer_node.models.weight_files import weight_files

WHOLE = "v2-"
"""How fingerprints of whole files begin."""


def weights_identity(source: str) -> str | None:
    """A fingerprint of a model: 16 hex digits of SHA-256 over its configuration and the whole of the files that its weights are read from.

    Args:
        source: a folder or a GGUF file.

    Returns:
        None for what is no path here (a hub's id), and while some of its files have not been fetched.
    """
    path = Path(source)
    if not path.exists():
        return None
    files = [path] if path.is_file() else weight_files(path)
    if not files or not all(file.is_file() for file in files):
        return None
    digest = hashlib.sha256(b"" if path.is_file() else _configuration(path / "config.json"))
    for file, found in zip(files, hashes_of(files), strict=True):
        digest.update(f"{'' if path.is_file() else file.name}:{found}:".encode())
    return WHOLE + digest.hexdigest()[:16]


def is_whole(fingerprint: str) -> bool:
    """Whether a fingerprint is one of whole files, and not one of an older version's."""
    return fingerprint.startswith(WHOLE)


def same_weights(one: str, other: str, folder: Path | None) -> bool:
    """Whether two fingerprints are those of one model, though they may be of two kinds.

    Args:
        one, other: fingerprints.
        folder: where the model of the newer one lies; None where it cannot be looked at.
    """
    if is_whole(one) == is_whole(other):
        return one == other
    old = other if is_whole(one) else one
    return folder is not None and folder.exists() and old_identity(folder) == old


def _configuration(file: Path) -> bytes:
    """What a configuration says of the model; its text, where it is none."""
    content = file.read_bytes() if file.is_file() else b"{}"
    try:
        return json.dumps(in_one_spelling(json.loads(content)), sort_keys=True).encode()
    except (ValueError, AttributeError):  # the loader will say what is wrong with it
        return content
