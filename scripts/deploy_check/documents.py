"""Reads what is deployed: Kubernetes manifests as kustomize makes them, and deploy/compose.yaml as compose reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
BASE = DEPLOY / "kubernetes" / "base"
OVERLAYS = (BASE, *sorted((DEPLOY / "kubernetes" / "overlays").iterdir()))
"""Folders that `kubectl apply -k` may be given."""


class NoToolError(Exception):
    """A program is not on this machine; the text says which."""


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """The manifests of a folder, by kustomize or by kubectl, which has it.

    Raises:
        NoToolError: neither is there.
        ValueError: it failed, or warned: its words.
    """
    if shutil.which("kustomize"):
        command = ["kustomize", "build", str(folder)]
    elif shutil.which("kubectl"):
        command = ["kubectl", "kustomize", str(folder)]
    else:
        raise NoToolError("kustomize, or kubectl, which has it")
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode or done.stderr.strip():
        raise ValueError(f"{' '.join(command[:2])} {folder.name}: {done.stderr.strip()}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def composed(text: str) -> dict[str, Any]:
    """compose.yaml with its merges, and each ${NAME:-default} as its default."""
    text = re.sub(r"\$\{[A-Z0-9_]+(?::-((?:[^{}$]|\$(?!\{))*))?\}", lambda found: found[1] or "", text)
    document = yaml.safe_load(text)
    assert isinstance(document, dict)
    return document
