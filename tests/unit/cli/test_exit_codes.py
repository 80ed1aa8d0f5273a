"""Exit codes are those of the table in docs/operations.md, and every error that is meant for a person has its row there."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import click
import pytest

from cli.main import run_command
from schemas import errors
from trainer_node.training.taking_apart import ModelAtFault

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
ROWS = re.findall(r"^\| (\d+) \| [^|]+ \|([^|]*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
TABLE = {name: int(code) for code, names in ROWS for name in re.findall(r"`(\w+)`", names)}
OTHERS = {
    "OSError": OSError(errno.ENOSPC, "No space left on device", "runs/a/journal"),
    "UsageError": click.UsageError("no such flag"),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "ModelAtFault": ModelAtFault("it cannot be trained"),
}


@pytest.mark.parametrize("name", TABLE)
def test_an_error_ends_a_command_with_the_code_of_its_row_and_one_line(name, capsys):
    error = OTHERS.get(name) or getattr(errors, name)("what it is")

    @click.command()
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_command(alone(fail))
    assert ended.value.code == TABLE[name]
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == (0 if name == "KeyboardInterrupt" else 1)


def alone(command: click.Command) -> click.Command:
    """Without the arguments of this process."""
    main = command.main
    command.main = lambda **options: main(args=[], **options)  # type: ignore[method-assign]
    return command


def test_every_error_that_ends_a_command_has_a_row():
    named = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.PeltonError)}
    kinds = {*named} - {"BadRecord"}  # it ends a record, and no command
    assert kinds <= set(TABLE)


def test_a_full_disk_is_told_with_the_file_and_what_to_do_and_an_error_of_ours_stays_one(capsys):
    @click.command()
    def fail() -> None:
        raise OTHERS["OSError"]

    with pytest.raises(SystemExit):
        run_command(alone(fail))
    assert capsys.readouterr().err.strip() == "error: runs/a/journal: No space left on device; make room, and start again"

    @click.command()
    def mistaken() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file descriptor"):
        run_command(alone(mistaken))
