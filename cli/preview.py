"""`pelton preview`: the samples of files as the trainer will see them. It needs no broker, and of the model no weights."""

from __future__ import annotations

from typing import Any

import click

from cli.declared import choices
from cli.options import json_option, reading_options, there
from cli.terminal import say
from cli.train_options import setting_option


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", callback=there)
@click.option("--rows", type=click.IntRange(min=0), default=3, show_default=True, help="How many samples to show.")
@click.option("--task", type=click.Choice(choices("schemas.sample", "Task")), help="Task of every sample, instead of what its fields say.")
@reading_options()
@setting_option("model")
@setting_option("loss_on")
@setting_option("max_seq")
@setting_option("too_long")
@setting_option("max_new_tokens")
@json_option
def preview(
    files: tuple[str, ...],
    rows: int,
    task: str | None,
    shape: str | None,
    mapping: str | None,
    encoding: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Show the samples of FILEs as the trainer will see them, and how long they are.

    The first samples are put into the model's chat template. What is learnt is green, or between ⟦ and ⟧ where there is no colour (not a
    terminal, or NO_COLOR). Then, of all samples: percentiles of their length in tokens, how many are cut, and how many would be
    dead-lettered, and why. FILEs and the flags for reading them are those of `pelton produce`.
    """
    import json

    from cli.preview_rows import Preview
    from cli.preview_text import show
    from cli.sample_reader import read_options, readers_of
    from trainer_node.config import TrainConfig

    config = TrainConfig.load(None, **settings)
    readers = readers_of(files, read_options(task, shape, mapping, encoding, skip_bad=True))
    found = Preview(config, rows)
    for reader in readers:
        found.look(reader)
    if as_json:
        say(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        show(found)
    if not found.lengths:
        raise click.exceptions.Exit(2)
