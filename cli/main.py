"""The command `pelton`: finds a subcommand's module only when it is asked for, and tells a user's mistake in one line."""

from __future__ import annotations

import contextlib
import difflib
import faulthandler
import importlib
import importlib.util
import logging
import os
import re
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from cli.logs import is_json, set_up
from cli.terminal import say
from schemas.version import own_version

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("cli.demo", "demo", "Run the whole loop on this machine: a broker, the workers, a small model, before and after."),
    "train": ("cli.train", "train", "Train a model on what flows over the topics."),
    "worker": ("cli.worker", "worker", "Run stream processors: curriculum, augmenter, feedback."),
    "produce": ("cli.produce", "produce", "Send training samples from JSONL or CSV files."),
    "preview": ("cli.preview", "preview", "Show samples as the trainer will see them: rendered, tokenised, what is learnt."),
    "facts": ("cli.facts", "facts", "Send facts for the knowledge graph from JSONL or CSV files."),
    "ask": ("cli.ask", "ask", "Put a question to a trained model."),
    "reward": ("cli.reward", "reward", "Judge a text against the knowledge graph, and show why."),
    "report": ("cli.report", "report", "Write a page about a run: curves, account, evaluations, answers, settings."),
    "compare": ("cli.compare", "compare", "Set runs side by side: what they came to, and whether they differ."),
    "doctor": ("cli.doctor", "doctor", "Look at packages, disk, GPU, broker, topics and clocks, and say what to do."),
    "watch": ("cli.watch", "watch", "Watch a whole installation: topics, nodes, loss, rewards, dead letters, answers."),
    "rewards": ("cli.rewards", "rewards", "Show the rewards of a run."),
    "trace": ("cli.trace", "trace", "Follow one sample through every topic."),
    "forget": ("cli.forget", "forget", "Leave a sample out from now on, and say what still holds it."),
    "checkpoints": ("cli.checkpoints", "checkpoints", "List and verify checkpoints, and what each was trained on."),
    "export": ("cli.export", "export", "Write a trained model for others to serve: a folder, an adapter, a GGUF file."),
    "topics": ("cli.topics", "topics", "Make, check and list the topics."),
    "lag": ("cli.lag", "lag", "Show how far consumer groups are behind."),
    "dead-letters": ("cli.dead_letters", "dead_letters", "List, show and replay records that could not be used."),
    "acls": ("cli.acls", "acls", "Print the ACLs that each node and producer needs on the broker."),
    "keys": ("cli.keys", "keys", "Make keys that records are signed with, and say which may write what."),
    "simulate": ("cli.simulate", "simulate", "Say how many workers and partitions a rate needs, and where lag starts."),
    "broker": ("cli.broker", "broker", "Run a Kafka broker here until Ctrl-C."),
    "fetch": ("cli.fetch", "fetch", "Download beforehand what commands would fetch when first needed."),
}
"""Name -> module, attribute, one line of help. The line is here so that `pelton --help` imports none of them."""

logger = logging.getLogger(__name__)

EXIT_STOPPED = 1
"""A node gave up on purpose: fenced, a torn checkpoint, too many dead letters."""
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run or asked for their help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        """Commands whose module exists, in the order of a newcomer's day."""
        return list(filter(is_there, COMMANDS))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        """Import one command."""
        if not is_there(cmd_name):
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of `--help`, from the table alone."""
        if rows := [(name, COMMANDS[name][2]) for name in self.list_commands(ctx)]:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def is_there(name: str) -> bool:
    """Whether a command is in the table, and its module exists."""
    return name in COMMANDS and importlib.util.find_spec(COMMANDS[name][0]) is not None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-v", "--verbose", count=True, help="Say more; twice for every detail.")
@click.version_option(own_version())
def pelton(verbose: int) -> None:
    """Pelton trains language models continuously from a Kafka log."""
    set_up(verbose)


def main() -> None:
    """Run `pelton`."""
    run_command(pelton)


def run_command(command: click.Command) -> None:
    """Run a command as a program of its own; an error of ours is one red line, with exit code 2 where the user can mend it, else 1."""
    set_up()
    tell_where_threads_stand()
    interrupts = note_interrupts()
    try:
        _run(command)
    except BaseException as error:
        if type(error).__name__ == "StoppedEarly":  # where it comes from is imported by whoever may be stopped so
            from trainer_node.stopping import leave

            leave()
        if interrupts:
            if not isinstance(error, SystemExit):  # a library that was interrupted made another error of it, or something failed on the way
                logger.warning("interrupted; on the way out: %s: %s", type(error).__name__, " ".join(str(error).split()))
            _end(EXIT_INTERRUPTED)
        if isinstance(error, SystemExit):
            _end(error.code)
        raise


def tell_where_threads_stand() -> None:
    """On standard error, where a library's fault ends the process (SIGSEGV), and whenever SIGUSR1 comes, which ends nothing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # standard error is closed, or is none of the system's
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR1)


def _end(status: str | int | None) -> NoReturn:
    """One of several processes leaves at once: gloo's threads may outlive their group, and abort an end by Python."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from trainer_node.stopping import leave

        if isinstance(status, str):  # as sys.exit takes it
            say(status, err=True, lines=True)
        leave(status if isinstance(status, int) else int(status is not None))
    sys.exit(status)


def note_interrupts() -> list[int]:
    """SIGINT raises KeyboardInterrupt as ever, and is also noted in the list returned. A command may handle it its own way instead."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell may have had it ignored, for a job in the background
        signal.signal(signal.SIGINT, note)
    return seen


def _run(command: click.Command) -> None:
    from schemas.errors import PeltonError, UserError

    try:
        status = command.main(standalone_mode=False)
    except PeltonError as error:
        fail(str(error), EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_STOPPED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        meant = like_it(error)
        see = f"; see `{context.command_path} --help`" if context else ""
        fail(error.format_message().rstrip(".") + meant + see, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # `pelton ... | head`: the reader has seen enough
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if (told := of_the_disk(error)) is None:
            raise
        fail(told, EXIT_STOPPED)
    sys.exit(status if isinstance(status, int) else 0)  # click returns what `ctx.exit(status)` was given


def like_it(error: click.ClickException) -> str:
    """Commands that somebody may have meant who typed one that is none."""
    found = re.match(r"No such command '(.+)'", error.format_message())
    context = error.ctx if isinstance(error, click.UsageError) else None
    if found is None or context is None or not isinstance(context.command, click.Group):
        return ""
    known = context.command.list_commands(context)
    close = difflib.get_close_matches(found[1], known, 3, 0.5) or [name for name in known if name.startswith(found[1][:3])][:3]
    return f"; did you mean {' or '.join(close)}?" if close else ""


def of_the_disk(error: OSError) -> str | None:
    """What a person is told of a file that cannot be written or read as the machine is now; None of any other error."""
    from trainer_node.commit.durable import OF_THE_DISK, remedy

    if error.errno not in OF_THE_DISK:
        return None
    return f"{error.filename or 'a file'}: {error.strerror}; {remedy(error)}, and start again"


def fail(message: str, status: int) -> None:
    """One red line on stderr, or a record where logs are JSON, and the exit code."""
    told = " ".join(message.split())
    if is_json():
        logger.error("%s", told)
    else:
        say(f"error: {told}", fg="red", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
