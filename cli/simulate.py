"""`pelton simulate`: how many workers and partitions a rate needs, and where lag starts."""

from __future__ import annotations

import contextlib
import json
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Finite, json_option, kafka_options
from cli.terminal import say

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.option("--rate", type=Finite(0, min_open=True), required=True, metavar="N", help="Samples a second to plan for.")
@click.option("--answers", type=Finite(0), default=0.0, metavar="N", help="Answers a second that are to be judged. [default: 0, none]")
@click.option("--step-s", type=Finite(0, min_open=True), default=0.5, show_default=True, metavar="SECONDS", help="Time of a training step.")
@click.option("--batch-size", "batch", type=click.IntRange(min=1), default=8, show_default=True, metavar="N", help="Samples of a step.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Workers of a kind that are measured."
)
@click.option("--seconds", type=Finite(2), default=15.0, show_default=True, metavar="SECONDS", help="How long each rate is held.")
@click.option(
    "--events", type=click.IntRange(min=1000), default=20_000, show_default=True, metavar="N", help="Samples that are sent at once."
)
@click.option(
    "--headroom", type=Finite(0, 1, min_open=True), default=0.7, show_default=True, help="Share of its best that a worker is planned with."
)
@json_option
@kafka_options
def simulate(settings: KafkaSettings, as_json: bool, **asked: Any) -> None:
    """Measure real workers on a real broker with a trainer that computes nothing, and say what a rate needs.

    First a curriculum worker has more samples in front of it than it can do; then samples come at rates around that, and a stub trainer
    takes a batch each step; then, with --answers, a feedback worker has more answers than it can judge. Without a broker's address one is
    started here. Topics have a prefix of their own, and are deleted at the end.

    What a worker does in a second depends on this machine and on what else runs on it; milliseconds of a core depend on it less.
    """
    from cli.simulation import Plan, Simulation

    plan = Plan(**asked)
    with _installation(settings, plan.workers) as (mine, folder, nodes):
        found = Simulation(mine, plan, folder, nodes, lambda line: say(line, err=True)).run()
    say(json.dumps(found) if as_json else as_text(found), lines=not as_json)


@contextlib.contextmanager
def _installation(settings: KafkaSettings, workers: int) -> Iterator[tuple[KafkaSettings, Path, Any]]:
    """A broker, topics of a name of their own, and a supervisor."""
    import os

    from cli.program import PELTON
    from cli.simulated_load import send_facts
    from streams.kafka.admin import create_topics, delete_topics
    from streams.kafka.broker import open_broker
    from streams.supervisor import Supervisor

    with tempfile.TemporaryDirectory(prefix="pelton-simulate-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        named = "bootstrap_servers" in settings.model_fields_set
        mine = settings.model_copy(
            update={"topic_prefix": f"simulate-{uuid.uuid4().hex[:8]}.", "partitions": max(settings.partitions, workers)}
        )
        if not named:
            broker = open_broker(settings, folder / "broker", environ={})
            stack.callback(broker.stop)
            mine = mine.model_copy(update={"bootstrap_servers": broker.bootstrap_servers})
        create_topics(mine, mine.topics).raise_if_wrong()
        stack.callback(lambda: delete_topics(mine, [topic.name for topic in mine.topics]))
        send_facts(mine)
        os.environ.update(mine.to_environ())
        yield mine, folder, stack.enter_context(Supervisor(PELTON, folder))


def as_text(found: dict[str, Any]) -> str:
    """For a person."""
    plan, lines = found["plan"], []
    for kind, what in (("curriculum", "samples"), ("feedback", "answers")):
        if one := found[kind]:
            share = f"{one['per_s'] / one['workers']:,.0f} {what}/s for a worker, {one['core_ms']:.2f} ms of a core each"
            lines.append(f"{kind}: {share}; memory {one['rss_mb'][0]:.0f} MB after a tenth of them, {one['rss_mb'][-1]:.0f} MB at the end")
    lines.append(f"trainer: {plan['batch']} samples each {plan['step_s']:g} s are {found['trainer_per_s']:,.0f} samples/s")
    lines.append("")
    lines.append("samples/s  p50 s   p95 s   grows in front of curriculum, trainer (samples/s)")
    for one in found["steady"]:
        p50, p95 = (f"{one[name]:.2f}" if one[name] is not None else "-" for name in ("p50_s", "p95_s"))
        lines.append(f"{one['rate']:9,.0f}  {p50:6}  {p95:6}  {one['curriculum_growth']:,.0f}, {one['trainer_growth']:,.0f}")
    below, above = found["lag_starts_between"]
    starts = f"between {below:,.0f} and {above:,.0f} samples/s" if above else f"above {below:,.0f} samples/s, the most that was tried"
    lines += ["", f"lag in front of the curriculum starts {starts}"]
    needs = ", ".join(f"{count} {kind}" for kind, count in found["workers"].items())
    lines.append(f"{plan['rate']:,.0f} samples/s and {plan['answers']:,.0f} answers/s need {needs} at {plan['headroom']:.0%} of their best")
    lines.append(f"and {found['partitions']} partitions of samples and outputs, at least (PELTON_TOPIC_PARTITIONS)")
    cores = ", ".join(f"{count:.1f} for {kind}" for kind, count in found["cores"].items())
    lines.append(f"cores: {cores}; runs whose steps take that long: {found['trainers']}")
    return "\n".join(lines)
