"""The files that stand beside a GGUF file, each named after its whole name: of two files in a folder none has the other's."""

from __future__ import annotations

from pathlib import Path


def card_of(gguf: Path) -> Path:
    """Where its model card is: `model.gguf.md`."""
    return gguf.with_name(f"{gguf.name}.md")


def modelfile_of(gguf: Path) -> Path:
    """Where its Modelfile for Ollama is: `model.gguf.Modelfile`."""
    return gguf.with_name(f"{gguf.name}.Modelfile")
