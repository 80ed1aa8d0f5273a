"""A note of a step that raised in one of several processes, which ended all of them: the next start tries its samples one at a time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainer_node.commit.durable import write_durably

NAME = "raised_step.json"
"""In the run's folder. It is of no use once a checkpoint has the step, and is then deleted by the next start."""


@dataclass(frozen=True)
class RaisedStep:
    """What is known of it. Whichever process raised writes this, so the folder must be one that all of them share."""

    step: int
    """Optimizer step, from 1."""
    sample_ids: list[str]
    """Of all its samples."""
    why: str
    """Kind and first line of what was raised."""
    rank: int
    """Which process raised, from 0."""
    each_tried: bool = False
    """Whether each of its samples had been tried alone before, and those left could be trained so."""
    accused: dict[str, str] = field(default_factory=dict)
    """Samples, by id, whose trial raised in one process only, with what it raised: they are not tried again."""

    @classmethod
    def read(cls, folder: Path) -> RaisedStep | None:
        """The note in a run's folder; None where there is none, or none that can be read."""
        try:
            return cls(**json.loads((folder / NAME).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Put it into a run's folder, in the place of another. Several processes may do so at once: one's stays."""
        own = folder / f"raised_step-{self.rank}.json"
        write_durably(own, json.dumps(asdict(self)).encode())
        own.replace(folder / NAME)

    @staticmethod
    def forget(folder: Path) -> None:
        """Delete the note in a run's folder, if any."""
        (folder / NAME).unlink(missing_ok=True)

    def __str__(self) -> str:
        """In a line, for whom it ends."""
        count = len(self.sample_ids)
        return (
            f"step {self.step} raised {self.why} in process {self.rank} of this training, in the midst of what all processes do together."
            f" Nothing is lost: start the run again, which tries the step's {count} samples one at a time before it trains them"
        )
