"""What the README and the docs tell people to type exists, with the flags that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cli.main import pelton

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted((ROOT / "docs").rglob("*.md"))]


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
def test_every_link_to_a_file_of_ours_leads_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "adr"], ids=lambda page: page.name)
def test_every_decision_says_its_number_when_it_was_taken_and_whether_it_stands(page: Path):
    number = int(page.name.split("-")[0])
    head = rf"# {number}\. .+\n\n\*\*Date\*\* 20\d\d-\d\d-\d\d\. \*\*Status\*\* (proposed|accepted|superseded)\b.*\.\n\n"
    assert re.match(head, page.read_text(encoding="utf-8"))


def test_the_readme_names_the_two_commands_on_its_first_screen():
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20])
    assert "make demo" in first_screen
    assert "make test" in first_screen
