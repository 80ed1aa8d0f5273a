"""Which files of a tree import which, read from their text."""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path

from scripts.mutants.tree import module_name


class Imports:
    """The imports of all Python files of a tree, those inside functions too."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree

    @cached_property
    def _of(self) -> dict[str, set[str]]:
        files = {str(path.relative_to(self._tree)): path for path in self._tree.rglob("*.py")}
        return {file: _imported(path) | _prefixes(module_name(file).rpartition(".")[0]) for file, path in files.items()}

    def importers(self, module: str) -> set[str]:
        """Files that import a module by name."""
        wanted = module_name(module)
        return {file for file, names in self._of.items() if wanted in names}

    def reaching(self, module: str) -> set[str]:
        """The file of a module and all that import it, themselves or through others."""
        found, new = {module}, {module}
        while new:
            new = {file for each in new for file in self.importers(each)} - found
            found |= new
        return found


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            found |= _prefixes(name)
    return found


def _prefixes(name: str) -> set[str]:
    """A module and the packages that it is in: Python runs those first."""
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
