"""Where settings come from, lowest first: defaults, a section of a YAML file, the environment, flags. The only loader of settings.

pydantic-settings merges and validates what the places say. What is here reads them, and tells a mistake in one line: the setting, the place
it comes from, and what it may be.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from schemas.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)

SECTIONS = ("kafka", "train")
"""Sections that a YAML file of settings may have."""
PLAINER = {"int_parsing": "must be a whole number", "int_from_float": "must be a whole number", "float_parsing": "must be a number"}
"""In place of pydantic's wording, by its type of error."""


@dataclass(frozen=True)
class Place:
    """One place that settings come from."""

    values: Mapping[str, Any]
    """Setting -> what this place says of it."""
    name_of: Callable[[str], str]
    """Setting -> what the user finds it by: `--batch-size`, `PELTON_TRAIN_BATCH_SIZE`, `run.yaml`."""


@dataclass(frozen=True)
class Section(Generic[Model]):
    """The settings of one model: a section of the YAML file, environment variables and flags."""

    name: str
    """The YAML file's section; one of SECTIONS."""
    model: type[Model]
    """Their names, types, bounds and defaults."""
    variables: Mapping[str, str]
    """Setting -> environment variable. An empty variable counts as unset."""
    prefix: str | None = None
    """How variables begin of which every one is a setting here, so that a misspelt one is refused."""

    def load(self, yaml_path: str | Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Model:
        """The settings: defaults < YAML < environment < flags. A flag that is None was not given.

        Raises:
            ConfigError: one line that names the setting, the place it comes from, and what it may be.
        """
        places = [self._flags(flags), self._environment(environ), self._file(yaml_path)]

        class Sources(BaseSettings):
            @classmethod
            def settings_customise_sources(
                cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return tuple(InitSettingsSource(settings_cls, {self.name: dict(place.values)}) for place in places)

        try:
            loaded = create_model("Settings", __base__=Sources, **{self.name: (self.model, ...)})()  # type: ignore[call-overload]
        except ValidationError as error:
            raise ConfigError(self._told(error, places)) from None
        found: Model = getattr(loaded, self.name)
        return found

    def _flags(self, flags: Mapping[str, Any]) -> Place:
        return Place({name: value for name, value in flags.items() if value is not None}, lambda name: f"--{name.replace('_', '-')}")

    def _environment(self, environ: Mapping[str, str]) -> Place:
        values = {name: environ[variable] for name, variable in self.variables.items() if environ.get(variable)}
        values |= self._from_files(environ, values)
        if self.prefix:
            unknown = environ.keys() - self.variables.values() - {f"{variable}_FILE" for variable in self.variables.values()}
            values |= {name.removeprefix(self.prefix).lower(): environ[name] for name in sorted(unknown) if name.startswith(self.prefix)}
        return Place(values, lambda name: self.variables.get(name, f"{self.prefix}{name.upper()}"))

    def _from_files(self, environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
        """What stands in files that a variable names with `_FILE` behind its name, as secrets are mounted."""
        found = {}
        for name, variable in self.variables.items():
            if not (path := environ.get(f"{variable}_FILE")):
                continue
            if name in given:
                raise ConfigError(f"{variable} and {variable}_FILE are both set: set one of them")
            try:
                found[name] = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{variable}_FILE: {path} cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None
        return found

    def _file(self, path: str | Path | None) -> Place:
        return Place(read_section(path, self.name) if path is not None else {}, lambda name: str(path))

    def _told(self, error: ValidationError, places: list[Place]) -> str:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        if len(first["loc"]) == 1:
            return f"{self.name} settings: {said}"
        name = str(first["loc"][1])
        place = next(place for place in places if name in place.values)
        if first["type"] == "extra_forbidden":
            return f"{self.name} setting {name!r} ({place.name_of(name)}): no such setting; {self._meant(name)}"
        said = PLAINER.get(first["type"], re.sub("^(Input|String) should", "must", said))
        given = "" if self._is_secret(name) else f": {place.values[name]!r}"
        return f"{self.name} setting {name!r} ({place.name_of(name)}{given}): {said}"

    def _meant(self, name: str) -> str:
        known = list(self.model.model_fields)
        close = difflib.get_close_matches(name, known)
        return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"

    def _is_secret(self, name: str) -> bool:
        return SecretStr.__name__ in str(self.model.model_fields[name].annotation)


def read_section(path: str | Path, section: str) -> dict[str, Any]:
    """One section of a YAML file; empty where the file has none.

    Raises:
        ConfigError: the file is missing, is not YAML, has a section that there is not, or the section is not a mapping.
    """
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a YAML file with the sections {sections()}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: cannot be read (not UTF-8); give a YAML file with the sections {sections()}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"{path}: not YAML{f' at line {mark.line + 1}' if mark else ''}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: the file must be a mapping of sections, {sections()}")
    for name in document:
        if name not in SECTIONS:
            close = difflib.get_close_matches(str(name), SECTIONS)
            meant = f"did you mean `{close[0]}:`?" if close else f"there are {sections()}"
            raise ConfigError(f"{path}: no such section {str(name)!r}; {meant}")
    values = document.get(section)
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f"{path}: section {section!r} must be a mapping of settings to values")
    return {str(name): value for name, value in (values or {}).items()}


def sections() -> str:
    """The sections, as they are written."""
    return " and ".join(f"`{name}:`" for name in SECTIONS)
