"""What `pelton export` says of what it wrote: where, how large, and how near it is to the checkpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cli.terminal import say

ADAPTERS = {
    "adapter": "the adapter, to be read beside its base",
    "gguf_adapter": "the adapter, for llama.cpp's --lora beside a GGUF file of its base",
}


def tell_adapter(name: str, path: Path, size: int, as_json: bool) -> None:
    """Say that an adapter was written; beside its base it is the checkpoint itself."""
    if as_json:
        say(json.dumps({"target": name, "path": str(path), "bytes": size}))
    else:
        say(f"wrote {path}: {size_of(size)}, {ADAPTERS[name]}")


def tell(name: str, exported: Any, as_json: bool) -> None:
    """Say what was written and how near it is to the checkpoint, as far as it could be read back."""
    if as_json:
        say(json.dumps(document(name, exported)))
        return
    say(f"wrote {exported.folder}: {size_of(exported.bytes)} in {exported.dtype}")
    if exported.fidelity is None:
        told = f"{exported.folder} is written; could not be read back here: {exported.not_read}"
        say(f"{told}; so how near it is to the checkpoint is not known", fg="yellow", err=True)
    else:
        _tell_nearness(exported)


def _tell_nearness(exported: Any) -> None:
    from trainer_node.models.export import EXACT, OTHER_MODEL

    near = exported.fidelity
    prompts = "held-out prompts" if exported.held_out else "prompts of ours, since the run held none out"
    say(
        f"read back on {prompts}: mean KL {near.kl:.2g} nats from the checkpoint as trained,"
        f" {near.equal:.1%} of {near.tokens} tokens the same"
    )
    if not near.kl <= EXACT:
        say(f"more than {EXACT:g}: the exact form is the adapter beside its base, --adapter DIR", fg="yellow", err=True)
    if is_another_model(exported):
        say(f"more than {OTHER_MODEL:g}: what was written is another model than the one that was trained", fg="red", err=True)


def is_another_model(exported: Any) -> bool:
    """Whether what was written was read back, and is not the model that was trained; nor is one that overflows (KL is no number)."""
    from trainer_node.models.export import OTHER_MODEL

    return exported.fidelity is not None and not exported.fidelity.kl <= OTHER_MODEL


def document(name: str, exported: Any) -> dict[str, Any]:
    """For other programs; `fidelity` is null where it is not known, and `not_read_back` says why."""
    near = exported.fidelity
    fidelity = near and {
        "kl": near.kl if math.isfinite(near.kl) else None,
        "equal": near.equal,
        "tokens": near.tokens,
        "held_out_prompts": exported.held_out,
        "another_model": is_another_model(exported),
    }
    return {
        "target": name,
        "path": str(exported.folder),
        "bytes": exported.bytes,
        "dtype": exported.dtype,
        "fidelity": fidelity,
        "not_read_back": exported.not_read,
    }


def size_of(count: int) -> str:
    """Bytes, for a person."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
