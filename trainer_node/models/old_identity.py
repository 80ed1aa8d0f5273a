"""Fingerprints as manifests up to 2026-11 hold them: of sampled blocks, which miss much. They are only compared with, never made anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

WEIGHTS = (".safetensors", ".bin", ".gguf")
LEFT_OUT = ("transformers_version", "_name_or_path", "dtype", "torch_dtype")
OLD_SPELLINGS = ("rope_theta", "rope_scaling", "rope_local_base_freq", "partial_rotary_factor")
BLOCK = 1 << 16
BLOCKS = 64


def old_identity(path: Path) -> str:
    """The old fingerprint of a model's folder, or of a file."""
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in WEIGHTS)
    digest = hashlib.sha256(b"" if path.is_file() else _configuration(path / "config.json"))
    for file in files:
        digest.update(f"{'' if path.is_file() else file.name}:{file.stat().st_size}:".encode())
        _add_sample(digest, file)
    return digest.hexdigest()[:16]


def _configuration(file: Path) -> bytes:
    content = file.read_bytes() if file.is_file() else b"{}"
    try:
        said = json.loads(content)
        left_out = (*LEFT_OUT, *(OLD_SPELLINGS if "rope_parameters" in said else ()))
        return json.dumps({key: value for key, value in said.items() if key not in left_out}, sort_keys=True).encode()
    except (ValueError, AttributeError):
        return content


def _add_sample(digest: hashlib._Hash, file: Path) -> None:
    size = file.stat().st_size
    last = max(0, size - BLOCK)
    with file.open("rb") as stream:
        for number in range(BLOCKS if last else 1):
            stream.seek(last * number // (BLOCKS - 1))
            digest.update(stream.read(BLOCK))
