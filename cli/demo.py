"""`pelton demo`: the whole loop on this machine, from an empty broker to a report."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import Finite, json_option
from cli.program import PELTON
from cli.terminal import say


@click.command()
@click.option("--countries", type=click.IntRange(3), default=60, show_default=True, help="Countries asked about; facts are of all of them.")
@click.option("--epochs", type=click.IntRange(1), default=2, show_default=True, help="Passes over the stream.")
@click.option("--model", default="default", show_default="SmolLM2-135M-Instruct", help="Hub id, folder or GGUF file.")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Folder of the run. [default: runs/<time>]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the broker. [default: a free one]")
@click.option(
    "--seconds",
    type=Finite(0, min_open=True),
    default=300.0,
    show_default=True,
    help="It ends in them: what does not fit is left out.",
)
@click.option("--rl", is_flag=True, help="GRPO on a tiny model made here, rewarded by the graph, in place of all else: a minute.")
@click.option("--further", type=click.IntRange(0), default=60, show_default=True, help="Facts that are trained beside those asked for.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the wordings and the order.")
@click.option(
    "--train-flag", "train_flags", multiple=True, metavar="FLAG", help="Further flag for `pelton train`, as --train-flag=--lr=1e-4."
)
@json_option
def demo(
    countries: int,
    epochs: int,
    model: str,
    run_dir: Path | None,
    port: int | None,
    seconds: float,
    rl: bool,
    further: int,
    seed: int,
    train_flags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run the main job: produce facts and questions, train a small model on them, and show what it got right before and after.

    A broker (or the one that KAFKA_BOOTSTRAP_SERVERS names), the curriculum, augmenter and feedback workers and the trainer run as
    processes of their own until everything is consumed. Ctrl-C stops them all.
    """
    import json
    import time

    from rich.console import Console

    from demo.run import run_demo
    from demo.session import DemoOptions

    console = Console(stderr=as_json)
    folder = run_dir or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
    options = DemoOptions(folder.absolute(), countries, epochs, model, port, seed, seconds, further, rl=rl, train_flags=train_flags)
    results = run_demo(options, PELTON, console)
    results.show(console)
    if as_json:
        say(json.dumps(results.summary()))
