"""The settings of a model as its source declares them, read without running it: `pelton train --help` does not wait for pydantic.

Only what such a declaration may hold is understood: a class attribute with a type, a default or a `Field(...)`, and a docstring. A test
compares all that is read here with what pydantic makes of the same source.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator
from typing import Any, NamedTuple

TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
BOUNDS = ("ge", "gt", "le", "lt")


class Setting(NamedTuple):
    """One field of a model of settings."""

    name: str
    type: type
    """bool, int, float or str: of its values, or of its choices."""
    choices: tuple[Any, ...]
    """What it may be, in order; empty where that is not a matter of choice."""
    default: Any
    """None where unset means something of its own."""
    bounds: dict[str, float]
    """`ge`, `gt`, `le`, `lt` -> the bound."""
    doc: str


class Group(NamedTuple):
    """The settings that one class declares."""

    title: str
    settings: tuple[Setting, ...]


def groups(module: str, model: str) -> list[Group]:
    """The settings of a model, by the class that declares them, in pydantic's order: those of its last base first, its own last."""
    source = source_of(module)
    bases = [base.id for base in reversed(source.classes[model].bases) if isinstance(base, ast.Name)]
    found = []
    for home, declared in filter(None, map(source.find, [*bases, model])):
        if settings := tuple(home.settings(declared)):
            found.append(Group((ast.get_docstring(declared) or declared.name).splitlines()[0].rstrip("."), settings))
    return found


def choices(module: str, enum: str) -> tuple[str, ...]:
    """The values of a StrEnum, in order."""
    return tuple(source_of(module).members(enum).values())


@functools.cache
def source_of(module: str) -> Source:
    """The source of a module of ours."""
    spec = importlib.util.find_spec(module)
    loader: Any = spec and spec.loader  # typed Any: importlib.abc, which knows get_source, is slow to import
    return Source(module, loader.get_source(module))


class Source:
    """One module's syntax tree."""

    def __init__(self, module: str, text: str) -> None:
        self._package = module.partition(".")[0]
        self._body = ast.parse(text).body
        self.classes = {node.name: node for node in self._body if isinstance(node, ast.ClassDef)}

    def find(self, name: str) -> tuple[Source, ast.ClassDef] | None:
        """A class of this package by its name, and the module that declares it: this one, or one that it is imported from."""
        if name in self.classes:
            return self, self.classes[name]
        for node in self._body:
            if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
                return source_of(node.module).find(name) if node.module.partition(".")[0] == self._package else None
        return None

    def members(self, enum: str) -> dict[str, str]:
        """Name -> value of an enum."""
        found = self.find(enum)
        assert found is not None, f"no enum {enum}"
        pairs = [(node.targets[0], node.value) for node in found[1].body if isinstance(node, ast.Assign)]
        # A member's value is the first of a tuple, whose rest is for the enum's `__new__`.
        firsts = [(name, value.elts[0] if isinstance(value, ast.Tuple) else value) for name, value in pairs]
        return {name.id: ast.literal_eval(value) for name, value in firsts if isinstance(name, ast.Name)}

    def settings(self, declared: ast.ClassDef) -> Iterator[Setting]:
        """The fields that a class itself declares."""
        for node, after in zip(declared.body, [*declared.body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                doc = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
                yield Setting(node.target.id, *self._type(node.annotation), *self._default(node.value), " ".join(doc.split()))

    def _type(self, annotation: ast.expr) -> tuple[type, tuple[Any, ...]]:
        """A plain type, `Literal[...]` or an enum; or one of them, or None."""
        if isinstance(annotation, ast.BinOp):  # ... | None
            return self._type(annotation.left)
        if isinstance(annotation, ast.Subscript):  # Literal[...]
            allowed = ast.literal_eval(annotation.slice)
            allowed = allowed if isinstance(allowed, tuple) else (allowed,)
            return type(allowed[0]), allowed
        name = ast.unparse(annotation)
        return (TYPES[name], ()) if name in TYPES else (str, tuple(self.members(name).values()))

    def _default(self, value: ast.expr) -> tuple[Any, dict[str, float]]:
        """A plain value, an enum's member, or `Field(default=..., ge=...)`."""
        if isinstance(value, ast.Call):
            given = {keyword.arg: keyword.value for keyword in value.keywords}
            return self._default(given["default"])[0], {bound: ast.literal_eval(given[bound]) for bound in BOUNDS if bound in given}
        if isinstance(value, ast.Attribute):
            return self.members(ast.unparse(value.value))[value.attr], {}
        return ast.literal_eval(value), {}
