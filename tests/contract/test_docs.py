"""What the README and the docs name exists: commands with their flags, files, modules. And they say it in the field's words."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from cli.main import pelton

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted((ROOT / "docs").rglob("*.md"))]
OURS = (
    "benchmarks",
    "cli",
    "demo",
    "docs",
    "feedback_node",
    "reading",
    "reports",
    "requirements",
    "schemas",
    "scripts",
    "streams",
    "tests",
    "trainer_node",
)
"""Top-level folders."""
HOME_MADE = {
    r"first process": "rank 0",
    r"(in|with|from) pieces": "sharded",
    r"signs? of life": "heartbeat",
    r"dut(y|ies)|are orders|orders (that|the others)": "commands and handlers",
    r"announc(e|es|ed|er|ers|ing)": "publish",
    r"repeats?(?!-horizon)": "duplicate",
    r"put(s|ting)?( \w+){0,2} aside": "dead-letter",
    r"unpack(er|ers|ing)": "decoder",
    r"(has|have|holds?|gives?|takes?|wants?) the floor": "GIL window",
    r"with place|places? of (the|a|its|each) (original|sample|record)": "position",
    r"so manyeth": "every n-th pass",
    r"the mission|the (first )?design": "what is meant: the promises, the choices",
}
"""Words that no reader knows from elsewhere, as patterns of whole words, and what to write instead."""
ALLOWED: dict[tuple[str, str], str] = {}
"""Where a page may use one all the same, and why."""


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every `pelton …` in a code block or between backticks."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line.split("#")[0] for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
        lines += re.findall(r"`(pelton [^`]+)`", text)
        for line in lines:
            for part in re.split(r"[|&;]", line):
                if match := re.match(r"\s*(?:\.venv/bin/)?pelton\s+(.+)", part):
                    found.append((page.name, match[1].strip()))
    return sorted(set(found))


def command_of(words: list[str]) -> click.Command:
    """The command that the first words name."""
    command: click.Command = pelton
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        context = click.Context(command)
        step = command.get_command(context, words.pop(0))
        assert step is not None, "no such command"
        command = step
    return command


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: value)
def test_a_documented_command_exists_with_its_flags(page: str, line: str):
    words = shlex.split(line.replace("…", ""))
    command = command_of(words)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    flags = {word.split("=")[0] for word in words if word.startswith("--")}
    assert flags <= known | {"--help"}, f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_of_ours_and_to_a_heading_leads_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    ours = [(page.parent / link if link else page, heading) for link, heading in links if "://" not in link]
    assert [str(target) for target, _ in ours if not target.exists()] == []
    assert [f"{target.name}#{heading}" for target, heading in ours if heading and heading not in anchors(target)] == []


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as they are linked to."""
    heads = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "adr"], ids=lambda page: page.name)
def test_every_decision_says_its_number_when_it_was_taken_and_whether_it_stands(page: Path):
    number = int(page.name.split("-")[0])
    head = rf"# {number}\. .+\n\n\*\*Date\*\* 20\d\d-\d\d-\d\d\. \*\*Status\*\* (proposed|accepted|superseded)\b.*\.\n\n"
    assert re.match(head, page.read_text(encoding="utf-8"))


def test_no_two_decisions_have_one_number():
    numbers = [int(page.name.split("-")[0]) for page in PAGES if page.parent.name == "adr"]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_readme_names_the_two_commands_on_its_first_screen():
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def text_of(page: Path, code: bool) -> str:
    """A page in one line, with what stands between backticks or without."""
    text = page.read_text(encoding="utf-8")
    return " ".join((text if code else re.sub(r"```.*?```|`[^`\n]+`", "`code`", text, flags=re.S)).split())


def is_module(dotted: str) -> bool:
    """Whether a dotted name is a package or module of ours, or what one defines or imports."""
    path, parts = ROOT, dotted.split(".")
    while parts and (path / parts[0]).is_dir():
        path /= parts.pop(0)
    module = path / f"{parts.pop(0)}.py" if parts and (path / f"{parts[0]}.py").is_file() else path / "__init__.py"
    body = ast.parse(module.read_text(encoding="utf-8")).body
    defined = {getattr(node, "name", "") for node in body}
    defined |= {alias.asname or alias.name for node in body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
    return not parts or parts[0] in defined


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_module_of_ours_that_a_page_names_exists(page: Path):
    text = text_of(page, code=True)
    paths = re.findall(rf"(?<![\w./-])(?:{'|'.join(OURS)})/[\w./-]*[\w/]", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    modules = re.findall(rf"`((?:{'|'.join(OURS)})(?:\.\w+)+)", text)
    assert [name for name in modules if not (ROOT / name).exists() and not is_module(name)] == []
    alone = re.findall(r"`((?:\w+/)*\w+\.py|bench_\w+\.json)`", text)  # after its folder's name, or in a folder that the sentence tells
    assert [name for name in alone if not (ROOT / name).exists() and not any(any((ROOT / top).rglob(name)) for top in OURS)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_it_in_the_words_of_the_field(page: Path):
    text = text_of(page, code=False)
    found = {(match[0], better) for word, better in HOME_MADE.items() for match in re.finditer(rf"\b({word})\b", text, re.IGNORECASE)}
    assert {(word, better) for word, better in found if (page.name, word.lower()) not in ALLOWED} == set(), "home-made, and the word to use"
