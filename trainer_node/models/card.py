"""The model card of what is exported: which base, trained on what, how far, how good, and under whose licence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from trainer_node.commit.manifest import Checkpoint
from trainer_node.commit.provenance import Base

NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")


def card(checkpoint: Checkpoint, base: Base, form: str) -> str:
    """A README.md, as the hub reads it.

    Args:
        checkpoint: what was exported.
        base: the model that it was trained from.
        form: what stands beside the card, in words.
    """
    manifest = checkpoint.manifest
    licence = licence_of(base)
    # A path is no name that the hub, or anybody else, could follow.
    head: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    head |= {} if base.is_path else {"base_model": base.source}
    head |= {"license": licence} if licence else {}
    feed, precision = manifest.feed, manifest.precision
    rows = [
        ("Base", f"{Path(base.source).name if base.is_path else base.source}" + (f", revision {base.revision}" if base.revision else "")),
        ("Weights of the base", base.weights or "not recorded"),
        ("Licence of the base", licence or "not stated where the base lies"),
        ("Form", form),
        ("Run", f"{manifest.run_id}, checkpoint {manifest.name}"),
        ("Checkpoint's hash", checkpoint.sha256),
        ("Steps", f"{manifest.step}; {feed.samples_trained} samples, in pass {feed.pass_number} over {feed.objective.value}"),
        ("Data", "; ".join(f"{name} up to offset {state.watermark}" for name, state in sorted(feed.position.partitions.items())) or "none"),
        ("Trained in", f"{precision.bits} bits, arithmetic in {precision.dtype}" if precision else "not recorded"),
        ("Evaluations", ", ".join(f"{name} {value:.4g}" for name, value in sorted(manifest.metrics.items())) or "none"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    title = f"# {manifest.run_id}, step {manifest.step}"
    return f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n{title}\n\n| | |\n|---|---|\n{table}\n"


def licence_of(base: Base) -> str | None:
    """The base's licence as its card or its licence's file names it; None where neither is there."""
    folder = folder_of(base)
    if folder is None:
        return None
    readme = folder / "README.md"
    if readme.is_file():
        parts = readme.read_text(encoding="utf-8", errors="replace").split("---", 2)
        try:
            head = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
        except yaml.YAMLError:
            head = None
        if isinstance(head, dict) and isinstance(head.get("license"), str):
            return str(head["license"])
    found = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if found is None:
        return None
    lines = found.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in lines if line.strip()), None)


def folder_of(base: Base) -> Path | None:
    """The folder with a base's files, as far as it is on this machine."""
    if base.is_path:
        path = Path(base.source)
        return path if path.is_dir() else path.parent
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(base.source, "config.json", revision=base.revision)
    return Path(found).parent if isinstance(found, str) else None
