"""Mutants of a module: mutmut's operators, applied to one place at a time.

mutmut itself mutates undecorated functions only, since it calls mutants through a switch inside the function. Here each mutant is a whole
source file, so settings, tables and decorated functions are mutated as well. What mutmut never touches stays: annotations, decorators,
docstrings, type variables, `len` and `isinstance`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

Lines = range
"""Line numbers, from 1."""


@dataclass(frozen=True)
class Mutant:
    """One small fault. `module`, `scope`, `was` and `now` name it through changes elsewhere in the file."""

    module: str
    """Path from the repository's root."""
    scope: str
    """Class and function that it is in; empty outside."""
    operator: str
    """mutmut's operator."""
    was: str
    """The changed lines before, without indentation."""
    now: str
    """And after."""
    lines: Lines
    """The statement that it is in."""
    runs_at_import: bool
    """Whether the statement runs once for the whole process: on import, or in a cached function."""
    source: str
    """The whole file with the fault."""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What names it: module, scope, and the lines before and after."""
        return self.module, self.scope, self.was, self.now

    def compiles(self) -> bool:
        """Whether Python takes it; what it does not, no test need see."""
        try:
            compile(self.source, self.module, "exec")
        except (SyntaxError, ValueError):
            return False
        return True


def mutants_of(root: Path, module: str) -> list[Mutant]:
    """All mutants of a module, in the file's order, also those that do not compile."""
    source = (root / module).read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    visitor = _Visitor()
    wrapper.visit(visitor)
    positions = wrapper.resolve(WhitespaceInclusivePositionProvider)
    starts = wrapper.resolve(PositionProvider)
    places = _Places(source)
    statements = _Statements(source)
    found: dict[str, Mutant] = {}
    for original, operator, mutated, scope in visitor.found:
        span = positions[original]
        start, end = places.offset(span.start), places.offset(span.end)
        text = wrapper.module.code_for_node(mutated)
        if wrapper.module.code_for_node(original) == source[start:end]:
            changed = source[:start] + text + source[end:]
        else:  # white space that depends on what is around it
            changed = wrapper.module.deep_replace(original, mutated).code  # type: ignore[arg-type]
        if changed in found:
            continue
        lines, at_import = statements.around(starts[original].start.line)
        was, now = _changed_lines(source, changed)
        found[changed] = Mutant(module, scope, operator, was, now, lines, at_import, changed)
    return list(found.values())


class _Visitor(MutationVisitor):
    """mutmut's visitor, which also enters decorated functions and classes, and remembers operator and scope."""

    def __init__(self) -> None:
        super().__init__([(kind, _named(operator)) for kind, operator in mutation_operators], IgnoredCode(set(), set(), set()))  # type: ignore[misc]
        self.found: list[tuple[cst.CSTNode, str, cst.CSTNode, str]] = []
        self._scope: list[str] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Decorator) or (isinstance(node, cst.Call) and m.matches(node.func, m.Name("TypeVar"))):
            return False  # evaluated on import, or for a type checker alone
        before = len(self.mutations)
        is_scope = isinstance(node, cst.FunctionDef | cst.ClassDef)
        goes_on = True if is_scope and node.decorators else super().on_visit(node)
        for mutation in self.mutations[before:]:
            operator, mutated = mutation.mutated_node  # type: ignore[misc]
            self.found.append((mutation.original_node, operator, mutated, ".".join(self._scope)))
        if is_scope:
            self._scope.append(node.name.value)
        return goes_on

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._scope.pop()
        super().on_leave(original_node)


def _named(operator: Any) -> Any:
    name = operator.__name__.removeprefix("operator_")
    return lambda node: ((name, mutated) for mutated in operator(node))


class _Places:
    """Line and column -> offset in the text."""

    def __init__(self, source: str) -> None:
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def offset(self, position: Any) -> int:
        return self._starts[position.line - 1] + position.column


class _Statements:
    """The innermost statement around a line; of a compound one, its head."""

    def __init__(self, source: str) -> None:
        self._around: dict[int, tuple[Lines, bool]] = {}
        self._walk(ast.parse(source).body, at_import=True)

    def around(self, line: int) -> tuple[Lines, bool]:
        return self._around[line]

    def _walk(self, statements: list[ast.stmt], *, at_import: bool) -> None:
        for statement in statements:
            first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
            for line in range(first, (statement.end_lineno or first) + 1):
                self._around[line] = range(statement.lineno, (statement.end_lineno or first) + 1), at_import
            blocks = [block for block in _blocks(statement) if block]
            if blocks:
                head = range(first, max(statement.lineno + 1, min(block[0].lineno for block in blocks)))
                self._around |= dict.fromkeys(head, (head, at_import))
            within = at_import and (not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) or _is_cached(statement))
            for block in blocks:
                self._walk(block, at_import=within)


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    handlers = [handler.body for handler in getattr(statement, "handlers", ())]
    cases = [case.body for case in getattr(statement, "cases", ())]
    return [*(getattr(statement, name, []) for name in ("body", "orelse", "finalbody")), *handlers, *cases]


def _is_cached(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("cache" in ast.unparse(decorator) for decorator in function.decorator_list)


def _changed_lines(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, each side without indentation and joined by line ends."""
    old, new = before.splitlines(), after.splitlines()
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return tuple("\n".join(line.strip() for line in side[start : len(side) - end]) for side in (old, new))  # type: ignore[return-value]
