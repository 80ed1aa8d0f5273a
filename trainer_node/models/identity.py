"""Which weights a path leads to: a fingerprint, by which others under the same name are noticed, and the same ones under another taken."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

WEIGHTS = (".safetensors", ".bin", ".gguf")
CONFIG = "config.json"
STAMPS = ("transformers_version", "_name_or_path", "dtype", "torch_dtype")
"""Keys of a configuration that say who saved it, and how: the same weights saved by another version are the same base."""
OLD_SPELLINGS = ("rope_theta", "rope_scaling", "rope_local_base_freq", "partial_rotary_factor")
"""Keys that say again, for older readers, what `rope_parameters` says."""
BLOCK = 1 << 16
"""Bytes of each block that is looked at."""
BLOCKS = 64
"""Blocks of each file, evenly spread, its first and last among them: 4 MB of a file are read, however large it is."""


def weights_identity(source: str) -> str | None:
    """A fingerprint of a model's weights and configuration: 16 hex digits of SHA-256 over names, sizes and sampled blocks of its files.

    Args:
        source: a folder or a GGUF file.

    Returns:
        None for what is no path here (a hub's id), whose files the hub's own library looks after.
    """
    path = Path(source)
    if not path.exists():
        return None
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in WEIGHTS)
    digest = hashlib.sha256(b"" if path.is_file() else _configuration(path / CONFIG))
    for file in files:
        digest.update(f"{'' if path.is_file() else file.name}:{file.stat().st_size}:".encode())
        _add_sample(digest, file)
    return digest.hexdigest()[:16]


def _configuration(file: Path) -> bytes:
    """What a configuration says of the model, in one spelling; its text, where it is none."""
    content = file.read_bytes() if file.is_file() else b"{}"
    try:
        said = json.loads(content)
        left_out = (*STAMPS, *(OLD_SPELLINGS if "rope_parameters" in said else ()))
        return json.dumps({key: value for key, value in said.items() if key not in left_out}, sort_keys=True).encode()
    except (ValueError, AttributeError):  # the loader will say what is wrong with it
        return content


def _add_sample(digest: hashlib._Hash, file: Path) -> None:
    size = file.stat().st_size
    last = max(0, size - BLOCK)
    with file.open("rb") as stream:
        for number in range(BLOCKS if last else 1):
            stream.seek(last * number // (BLOCKS - 1))
            digest.update(stream.read(BLOCK))
