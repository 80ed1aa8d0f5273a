"""`ModelOutput`: a completion that a model gave to a prompt, for the feedback node to judge. Any inference server may send one."""

from __future__ import annotations

from pydantic import Field, model_validator

from schemas.base import VERSION, Message, content_id
from schemas.sample import Task
from schemas.turns import OptionalTurns, Tools


class ModelOutput(Message):
    """One answer of one model."""

    schema_version: str = Field(default="1.1", pattern=VERSION)
    """`major.minor`. 1.1 brought conversations."""
    output_id: str = Field(default="", max_length=300)
    """Id of this answer; left empty, a hash of run, prompt, model version and completion."""
    prompt_id: str = Field(max_length=200)
    """The prompt's sample id; the record's key."""
    prompt: str
    """The question, as a person would read it: of a conversation, the user's last turn."""
    messages: OptionalTurns = None
    """The turns before the answer, where they are more than the question."""
    tools: Tools = None
    """Functions that the model could call."""
    completion: str
    """The answer, special tokens removed."""
    model_version: str = Field(max_length=400)
    """`run/step` of the model that answered, or any name an inference server gives."""
    run_id: str | None = Field(default=None, max_length=200)
    """The run it belongs to; its reward carries the same."""
    phase: str | None = Field(default=None, max_length=100)
    """Why it was asked: `before`, `after`, `train`; rewards carry the same."""
    task: Task | None = None
    """Task of the prompt, where known."""
    gold: tuple[str, ...] | None = None
    """Strings any one of which makes the answer exactly right."""
    created_at: float | None = None
    """Seconds since the epoch."""

    @model_validator(mode="before")
    @classmethod
    def _fill_id(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("output_id"):
            parts = (data.get(name) for name in ("run_id", "prompt_id", "model_version", "phase", "completion"))
            data = {**data, "output_id": "o-" + content_id(*(None if part is None else str(part) for part in parts))}
        return data
