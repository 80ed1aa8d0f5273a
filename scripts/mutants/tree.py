"""What is mutated, and copies of the working tree to do it in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PACKAGES = ("schemas", "reading", "streams", "trainer_node", "feedback_node", "cli", "demo", "reports")

MUTATED = (
    "streams/knowledge/judge.py",
    "streams/augmenter/paraphrase.py",
    "streams/augmenter/graph_paraphrase.py",
    "streams/augmenter/rephrasing.py",
    "streams/augmenter/variants.py",
    "streams/curriculum/task_detector.py",
    "streams/settings.py",
    "streams/kafka/settings.py",
    "feedback_node/reward.py",
    "feedback_node/extraction/marks.py",
    "trainer_node/commit/*.py",
    "trainer_node/config.py",
    "trainer_node/intake/admission.py",
    "trainer_node/intake/backlog.py",
    "trainer_node/intake/deduplication.py",
    "trainer_node/intake/feed.py",
    "trainer_node/intake/flow_control.py",
    "trainer_node/intake/held_out.py",
    "trainer_node/intake/pacing.py",
    "trainer_node/training/base.py",
    "trainer_node/training/batch_source.py",
    "trainer_node/training/dpo.py",
    "trainer_node/training/factory.py",
    "trainer_node/training/groups.py",
    "trainer_node/training/grpo.py",
    "trainer_node/training/losses.py",
    "trainer_node/training/ppo.py",
    "trainer_node/training/prompt_loader.py",
    "trainer_node/training/rloo.py",
    "trainer_node/training/sft.py",
    "trainer_node/training/spec.py",
    "trainer_node/training/step_loader.py",
)
"""Patterns of the modules under mutation: where a wrong line costs a training run and no exception tells."""


def mutated_modules(root: Path, only: str = "") -> list[str]:
    """Paths of the modules; with `only`, those that contain one of its comma-separated words.

    Raises:
        ValueError: a pattern fits no file, or `only` no module.
    """
    found: list[str] = []
    for pattern in MUTATED:
        files = sorted(str(path.relative_to(root)) for path in root.glob(pattern) if path.stat().st_size)
        if not files:
            raise ValueError(f"no such module: {pattern} (scripts/mutants/tree.py)")
        found += [file for file in files if file not in found]
    words = [word.strip() for word in only.split(",") if word.strip()]
    chosen = [module for module in found if not words or any(word in module for word in words)]
    if not chosen:
        raise ValueError(f"MODULES={only} fits none of: {', '.join(found)}")
    return chosen


def module_name(path: str) -> str:
    """`streams/app.py` -> `streams.app`."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def copy_tree(root: Path, target: Path) -> None:
    """A fresh copy of what git knows or would add, as it is in the working tree."""
    shutil.rmtree(target, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, check=True, capture_output=True, encoding="utf-8"
    )
    for name in listed.stdout.split("\0"):
        source = root / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
