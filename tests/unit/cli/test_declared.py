"""Settings as their source declares them: what is read of it is what pydantic makes of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import annotated_types
import pytest
from pydantic import BaseModel

from cli.declared import choices, groups
from schemas.sample import Task
from trainer_node.config import TrainConfig


def as_pydantic_has_it(model: type[BaseModel]) -> dict[str, Any]:
    """Name -> choices or type, default, bounds and docstring of each field."""
    found = {}
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if type(None) in get_args(kind):
            (kind,) = [part for part in get_args(kind) if part is not type(None)]
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            kind = tuple(member.value for member in kind)
        kinds = {annotated_types.Ge: "ge", annotated_types.Gt: "gt", annotated_types.Le: "le", annotated_types.Lt: "lt"}
        bounds = {kinds[type(limit)]: getattr(limit, kinds[type(limit)]) for limit in field.metadata if type(limit) in kinds}
        found[name] = (get_args(kind) or kind, field.default, bounds, field.description)
    return found


def test_what_is_read_of_the_source_is_what_pydantic_makes_of_it() -> None:
    settings = [setting for group in groups("trainer_node.config", "TrainConfig") for setting in group.settings]
    read = {setting.name: (setting.choices or setting.type, setting.default, setting.bounds, setting.doc) for setting in settings}
    assert read == as_pydantic_has_it(TrainConfig)
    assert list(read) == list(TrainConfig.model_fields), "in the same order"


def test_the_choices_of_an_enum_are_its_values() -> None:
    assert choices("schemas.sample", "Task") == tuple(Task)


SOURCE = '''
from enum import StrEnum
from typing import Literal
from pydantic import BaseModel, ConfigDict, Field
from made_up.kinds import Kind, Shared

class Base(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

class Own(Base):
    """Own settings.

    And more of them.
    """
    graphs: bool = False
    """Whether graphs are
    captured."""
    share: float = Field(default=0.5, gt=0, le=1)
    """A share."""
    limit: int | None = None
    kind: Kind = Kind.ROUND
    level: Literal[1, 2] | None = None

class Config(Own, Shared):
    last: str = "x"
    """The last."""
    def method(self) -> None: ...
'''
KINDS = '''
from enum import StrEnum
from pydantic import BaseModel
class Kind(StrEnum):
    """Kinds."""
    SQUARE = "square"
    """Four corners."""
    ROUND = "round"
class Shared(BaseModel):
    """Shared settings."""
    first: int = 1
    """The first."""
'''


def test_a_bool_bounds_both_ways_an_imported_enum_and_a_base_of_another_module_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made_up"
    folder.mkdir()
    for name, text in {"__init__": "", "settings": SOURCE, "kinds": KINDS}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    shared, own, last = groups("made_up.settings", "Config")
    assert (shared.title, own.title, last.title) == ("Shared settings", "Own settings", "Config")
    assert [tuple(setting) for setting in own.settings] == [
        ("graphs", bool, (), False, {}, "Whether graphs are captured."),
        ("share", float, (), 0.5, {"gt": 0, "le": 1}, "A share."),
        ("limit", int, (), None, {}, ""),
        ("kind", str, ("square", "round"), "round", {}, ""),
        ("level", int, (1, 2), None, {}, ""),
    ]
    assert [setting.name for setting in (*shared.settings, *last.settings)] == ["first", "last"]
