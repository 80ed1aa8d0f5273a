"""What is read at once stays small: functions of 50 lines, files of 400, unless a file's docstring says why it is over 400 lines.

And one name for a module's logger, so that a line can be moved between modules as it is.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "reading", "streams", "feedback_node", "cli", "demo", "reports", "trainer_node")
FUNCTION_LINES = 50
FILE_LINES = 400
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def test_no_function_is_longer_than_a_screen(modules: dict[str, ast.Module]):
    functions = [
        (f"{name}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for name, module in modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) > 500
    assert [(name, lines) for name, lines in functions if lines > FUNCTION_LINES] == []


def test_a_long_file_says_why_it_is(modules: dict[str, ast.Module]):
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = [name for name, lines in lengths.items() if lines > FILE_LINES]
    assert [(name, lengths[name]) for name in long if "over 400 lines" not in (ast.get_docstring(modules[name]) or "")] == []


def test_a_modules_logger_is_called_logger(modules: dict[str, ast.Module]):
    loggers = {
        name: ast.unparse(target)
        for name, module in modules.items()
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "logging.getLogger(__name__)"
        for target in node.targets
    }
    assert loggers
    assert {name: called for name, called in loggers.items() if called != "logger"} == {}
