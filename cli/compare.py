"""`pelton compare`: runs side by side."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import json_option, kafka_options
from cli.terminal import say

if TYPE_CHECKING:
    from reports.comparison import Difference
    from reports.folder import RunFolder
    from streams.kafka.settings import KafkaSettings

RUN = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=RUN, metavar="RUN RUN...")
@click.option(
    "--against",
    type=RUN,
    multiple=True,
    metavar="RUN",
    help="Compare two arms: each RUN with the one of the same seed given here; may be repeated.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page with the curves, too.")
@click.option("--answers", is_flag=True, help="Also compare the judged answers to the same held-out questions, from the runs' topics.")
@json_option
@kafka_options
def compare(
    settings: KafkaSettings, runs: tuple[Path, ...], against: tuple[Path, ...], output: Path | None, answers: bool, as_json: bool
) -> None:
    """Set runs side by side, each by its folder: figures, settings that differ, and with -o their curves one over the other.

    Differences are tested by permutation within pairs, with a bootstrap interval, and with the smallest p that so many pairs can reach.
    """
    from reports.folder import load_run

    found = [load_run(path) for path in (*runs, *against)]
    if len(found) < 2:
        raise click.UsageError("name two runs, or more")
    told = arms(found[: len(runs)], found[len(runs) :]) if against else {}
    if answers:
        told |= by_answers(settings, found)
    if output is not None:
        from reports.page import write_report
        from reports.several import page_of

        write_report(output, page_of(found, told, time.time()))
    if as_json:
        say(json.dumps(document(found, told)))
        return
    for line in table(found, told):
        say(line)
    if output is not None:
        say(str(output))


def arms(first: list[RunFolder], second: list[RunFolder]) -> dict[str, Difference]:
    """Evaluations of two arms, paired by seed.

    Raises:
        UsageError: seeds do not pair.
    """
    from reports.several import over_seeds

    one, two = ({run.start.get("seed"): run for run in runs} for runs in (first, second))
    if len(one) < len(first) or len(two) < len(second) or one.keys() != two.keys() or None in one:
        raise click.UsageError("--against: both arms need the same seeds, each once (--seed of `pelton train`)")
    return over_seeds([(one[seed], two[seed]) for seed in one])


def by_answers(settings: KafkaSettings, runs: list[RunFolder]) -> dict[str, Difference]:
    """Judged answers after training, by held-out question, against those of the first run."""
    from cli.report import topics_of
    from reports.several import differences, names_of

    judged = [{reward.prompt_id: reward for reward in topics_of(settings, run).after} for run in runs]
    first, *others = names_of(runs)
    return {
        f"{measure}: {name} against {first}": difference
        for name, found in zip(others, differences(judged), strict=True)
        for measure, difference in found.items()
    }


def document(runs: list[RunFolder], told: dict[str, Difference]) -> dict[str, Any]:
    """For other programs."""
    from reports.several import figures_of, names_of, settings_that_differ

    return {
        "runs": [
            {"name": name, "folder": str(run.path), "figures": figures_of(run)} for name, run in zip(names_of(runs), runs, strict=True)
        ],
        "settings_that_differ": settings_that_differ(runs),
        "differences": {name: asdict(difference) for name, difference in told.items()},
    }


def table(runs: list[RunFolder], told: dict[str, Difference]) -> list[str]:
    """For a person: a row for each figure, a column for each run."""
    from reports.several import figures_of, names_of, settings_that_differ

    figures = [figures_of(run) for run in runs]
    rows = {name: [number(one.get(name)) for one in figures] for name in dict.fromkeys(name for one in figures for name in one)}
    rows |= {f"--{name.replace('_', '-')}": [str(value) for value in values] for name, values in settings_that_differ(runs).items()}
    heads = names_of(runs)
    width = max(map(len, rows))
    columns = [max(len(head), *(len(row[place]) for row in rows.values())) for place, head in enumerate(heads)]
    lines = [" " * width + "".join(f"  {head:>{column}}" for head, column in zip(heads, columns, strict=True))]
    lines += [
        f"{name:{width}}" + "".join(f"  {value:>{column}}" for value, column in zip(row, columns, strict=True))
        for name, row in rows.items()
    ]
    return [*lines, *(f"{name}: {difference.told()}" for name, difference in told.items())]


def number(value: float | None) -> str:
    """Of a cell."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"
