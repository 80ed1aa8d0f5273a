"""`pelton` answers at once, lists what there is, and tells a mistake in one line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import main as program
from schemas.errors import BrokerError, Fenced

HEAVY = ("torch", "transformers", "trl", "faust", "spacy", "kafka", "aiokafka", "networkx", "torchmetrics", "pandas")

ASK_FOR_HELP = """
import sys
from cli.main import pelton
try:
    pelton.main(sys.argv[1:], prog_name="pelton")
except SystemExit as done:
    assert done.code == 0, done.code
print("HEAVY", *(name for name in {heavy!r} if name in sys.modules))
"""


def commands() -> list[list[str]]:
    """Every command, and every command of a command group, as typed."""
    found = [[]]
    context = click.Context(program.pelton)
    for name in program.pelton.list_commands(context):
        found.append([name])
        command = program.pelton.get_command(context, name)
        if isinstance(command, click.Group):
            found += [[name, inner] for inner in command.list_commands(context)]
    return found


@pytest.mark.parametrize("name", sorted({command[0] for command in commands() if len(command) == 2}))
def test_the_list_of_a_group_s_commands_cuts_no_sentence(name: str) -> None:
    group = program.pelton.get_command(click.Context(program.pelton), name)
    told = CliRunner().invoke(group, ["--help"], terminal_width=80).output
    assert "..." not in told.partition("Commands:")[2]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = ASK_FOR_HELP.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: pelton")
    assert done.stdout.splitlines()[-1].split() == ["HEAVY"]


def test_a_command_whose_module_is_missing_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(program.COMMANDS, "absent", ("cli.absent", "absent", "Not there."))
    context = click.Context(program.pelton)
    assert "absent" not in program.pelton.list_commands(context)
    assert program.pelton.get_command(context, "absent") is None


def test_every_module_in_the_table_has_its_command() -> None:
    context = click.Context(program.pelton)
    for name in program.pelton.list_commands(context):
        assert isinstance(program.pelton.get_command(context, name), click.Command)


@contextlib.contextmanager
def as_program(name: str) -> Iterator[None]:
    """The command line of a program without arguments."""
    argv, sys.argv = sys.argv, [name]
    try:
        yield
    finally:
        sys.argv = argv


def run(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """What a command that ends by `error` exits with, and prints to stderr."""

    @click.command()
    def failing() -> None:
        raise error

    with as_program("failing"), pytest.raises(SystemExit) as done:
        program.run_command(failing)
    return done.value.code, capsys.readouterr().err


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(BrokerError("the broker\nis away"), capsys) == (2, "error: the broker is away\n")


def test_a_node_that_gave_up_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Fenced("a newer run"), capsys) == (1, "error: a newer run\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "--lrr", "3"], "No such option: --lrr (Possible options: --lora-r, --lr, --rl-lr); see `"),
        (["train", "--bits", "5"], "Invalid value for '--bits': '5' is not one of '4', '8', '16', '32'; see `"),
        (["train", "--max-seq", "ten"], "train setting 'max_seq' (--max-seq: 'ten'): must be a whole number"),
        (
            ["worker", "curriculum", "--metrics-port", "x"],
            "Invalid value for '--metrics-port': 'x' is not a valid integer range; see `",
        ),
        (["worker", "nobody"], "No such command 'nobody'; see `"),
        (["worker", "curriculum", "--config", "absent.yaml"], "absent.yaml: cannot be read (No such file or directory); give a YAML file"),
        (["worker", "feedback", "--ontology", "absent.yaml"], "ontology absent.yaml: cannot be read (No such file or directory); give"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_flag_a_bad_number_and_a_missing_file_are_one_line_and_exit_code_2(
    clean_environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    clean_environ.setattr(sys, "argv", ["pelton", *words])
    with pytest.raises(SystemExit) as done:
        program.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert done.value.code == 2
    assert line.startswith(f"error: {told}")


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pelton", "worker"])
    with pytest.raises(SystemExit):
        program.main()
    assert "Put samples into bands" in capsys.readouterr().err


def test_ctrl_c_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(KeyboardInterrupt(), capsys)[0] == 130


def test_ctrl_c_exits_with_130_also_when_a_library_makes_another_error_of_it(caplog: pytest.LogCaptureFixture) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    @click.command()
    def interrupted() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise RuntimeError("the connection was closed") from error

    try:
        with as_program("interrupted"), pytest.raises(SystemExit) as done:
            program.run_command(interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.value.code == 130
    assert "interrupted; on the way out: RuntimeError: the connection was closed" in caplog.text, "nothing is hidden"


def test_a_bug_is_not_hidden() -> None:
    @click.command()
    def failing() -> None:
        raise ZeroDivisionError

    with as_program("failing"), pytest.raises(ZeroDivisionError):
        program.run_command(failing)


@pytest.mark.parametrize(("processes", "taken_apart"), [("1", "taken apart\n"), ("2", "")])
def test_one_of_several_processes_leaves_with_its_exit_code_before_python_takes_libraries_apart(processes: str, taken_apart: str) -> None:
    code = (
        "import atexit, click\n"
        "from cli.main import run_command\n"
        "from schemas.errors import UserError\n"
        "atexit.register(print, 'taken apart')\n"
        "def fruitless(): raise UserError('no prompt came')\n"
        "run_command(click.command()(fruitless))"
    )
    environ = os.environ | {"WORLD_SIZE": processes}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, taken_apart, "error: no prompt came\n")


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(("ended", "status", "told"), [("", 0, ""), ("3", 3, ""), ("'no room'", 1, "no room\n")])
def test_whatever_ends_a_process_as_python_would_have_it_ends_one_of_several_so(processes: str, ended: str, status: int, told: str) -> None:
    code = f"import click, sys\nfrom cli.main import run_command\ndef ends(): sys.exit({ended})\nrun_command(click.command()(ends))"
    environ = os.environ | {"WORLD_SIZE": processes}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (status, told)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_one_that_was_interrupted_says_so_by_its_exit_code_whatever_it_made_of_it(processes: str) -> None:
    code = (
        "import click, os, signal, sys\n"
        "from cli.main import run_command\n"
        "def interrupted():\n"
        "    try: os.kill(os.getpid(), signal.SIGINT)\n"
        "    except KeyboardInterrupt: sys.exit(7)\n"
        "run_command(click.command()(interrupted))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"WORLD_SIZE": processes}, check=False)
    assert done.returncode == 130


def test_a_process_that_a_library_ends_says_where_it_stood() -> None:
    code = (
        "import click, os, signal\n"
        "from cli.main import run_command\n"
        "def torn(): os.kill(os.getpid(), signal.SIGSEGV)\n"
        "run_command(click.command()(torn))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in done.stderr
    assert "in torn" in done.stderr


def test_a_process_that_is_asked_says_where_it_stands_and_goes_on() -> None:
    code = (
        "import click, os, signal\n"
        "from cli.main import run_command\n"
        "def busy(): os.kill(os.getpid(), signal.SIGUSR1); print('went on')\n"
        "run_command(click.command()(busy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert "in busy" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    pelton = Path(sys.executable).with_name("pelton")
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {pelton} --help | head -1"], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistyped_command_is_named() -> None:
    done = subprocess.run([sys.executable, "-m", "cli.main", "prodcue"], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "prodcue" in done.stderr
