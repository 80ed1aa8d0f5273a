"""`pelton worker`: run one stream processor until it is stopped."""

from __future__ import annotations

import functools
import gc
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.declared import choices
from cli.judging import config_of, policy_options
from cli.logs import as_node, log_option
from cli.options import Finite, Group, RunName, kafka_options

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings
    from streams.knowledge.ontology import Ontology
    from streams.node import StreamNode

Command = TypeVar("Command", bound=Callable[..., Any])

GARBAGE_OBJECTS = 20_000
"""How many objects more than are let go are made before cycles are looked for among the newest."""


@click.group(cls=Group)
def worker() -> None:
    """Run stream processors: curriculum, augmenter, feedback.

    Each runs until SIGTERM or Ctrl-C, finishes the batch in flight, and exits with 0. Several of one kind share the work.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the loop takes over: to be stopped while starting is no failure


def worker_options(command: Command) -> Command:
    """The options of every worker: the broker's, the run, the ontology and the metrics."""

    @click.option("--run-id", type=RunName(), metavar="ID", help="Work for this run alone, in a consumer group of its own.")
    @click.option(
        "--ontology",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="PELTON_ONTOLOGY",
        metavar="FILE",
        help="Predicates of the knowledge graph (YAML). [env: PELTON_ONTOLOGY]",
    )
    @click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        help="Serve /metrics, /healthz and /readyz here. [default: 9710, 9720 or 9730 by kind, or the next free one]",
    )
    @click.option("--metrics-host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to serve them on.")
    @log_option()
    @kafka_options
    @functools.wraps(command)
    def with_options(*args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)

    return with_options  # type: ignore[return-value]


state_option = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep here what was learnt of the stream: without it, a restart reads the last 20,000 records again, and judges sources anew.",
)


@worker.command()
@click.option(
    "--signal",
    type=click.Choice(choices("streams.curriculum.signals", "Signal")),
    default="difficulty",
    show_default=True,
    help="What the bands are cut by: d, its length alone, compression ratio, grade level, or chance.",
)
@click.option(
    "--hold-back",
    default="2000",
    show_default=True,
    metavar="N|all",
    help="Records of a partition that are measured before the first gets its band; all: those that are there at the start.",
)
@click.option(
    "--hold-back-s",
    type=Finite(0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest time from the first to the last.",
)
@state_option
@worker_options
def curriculum(
    settings: KafkaSettings,
    run_id: str | None,
    ontology: Path | None,
    state_dir: Path | None,
    signal: str,
    hold_back: str,
    hold_back_s: float,
    **serve: Any,
) -> None:
    """Put samples into bands by difficulty."""
    from streams.curriculum.agent import CurriculumNode
    from streams.curriculum.calibration import HoldBack
    from streams.curriculum.signals import Signal

    if hold_back != "all" and not hold_back.isdecimal():
        raise click.UsageError(f"--hold-back {hold_back} is neither a number of records nor `all`")
    held = HoldBack(None if hold_back == "all" else int(hold_back), hold_back_s)
    _serve("curriculum", run_id, lambda: CurriculumNode(settings, _ontology(ontology), run_id, state_dir, Signal(signal), held), **serve)


def augmenter_options(command: Command) -> Command:
    """When variants are made, and how many."""

    @click.option(
        "--variants", type=click.IntRange(1, 100), default=2, show_default=True, metavar="K", help="Variants made of a hard sample."
    )
    @click.option(
        "--every", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Make variants in every N-th pass."
    )
    @click.option(
        "--every-samples",
        type=click.IntRange(min=1),
        default=500,
        show_default=True,
        metavar="N",
        help="Make them in any pass, when N samples were trained since a sample's last ones, or since the run began.",
    )
    @click.option(
        "--every-minutes", type=Finite(0, min_open=True), metavar="M", help="Make them when M minutes have gone by. [default: never]"
    )
    @click.option(
        "--max-generation",
        type=click.IntRange(1, 100),
        default=1,
        show_default=True,
        metavar="N",
        help="Generations of variants: with 1, none is made of a variant.",
    )
    @functools.wraps(command)
    def with_options(*args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)

    return with_options  # type: ignore[return-value]


def recipe_options(command: Command) -> Command:
    """Of which samples variants are made, and how."""

    @click.option(
        "--quantile",
        type=Finite(0, 1, max_open=True),
        default=0.95,
        show_default=True,
        help="Quantile of the recent losses of a task above which a sample gets variants.",
    )
    @click.option(
        "--warm-up",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        metavar="N",
        help="Losses of a task to see before a sample gets variants.",
    )
    @click.option(
        "--control",
        type=Finite(0, 1, max_open=True),
        default=0.1,
        show_default=True,
        metavar="SHARE",
        help="Share of the samples that get none, to measure what variants bring.",
    )
    @click.option(
        "--wordings",
        type=click.IntRange(1, 20),
        default=1,
        show_default=True,
        metavar="K",
        help="Learn each sample in K wordings from the start, hard or not.",
    )
    @click.option(
        "--recipe",
        "recipes",
        multiple=True,
        type=click.Choice(choices("streams.augmenter.paraphrase", "Recipe")),
        help="Make variants in this way alone; may be given several times. [default: all]",
    )
    @functools.wraps(command)
    def with_options(*args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)

    return with_options  # type: ignore[return-value]


@worker.command()
@augmenter_options
@recipe_options
@state_option
@worker_options
def augmenter(
    settings: KafkaSettings,
    run_id: str | None,
    ontology: Path | None,
    state_dir: Path | None,
    variants: int,
    every_minutes: float | None,
    recipes: tuple[str, ...],
    metrics_port: int | None,
    metrics_host: str,
    **given: Any,
) -> None:
    """Send variants of samples with a high loss back to the stream."""
    from streams.augmenter.agent import AugmenterNode
    from streams.augmenter.config import AugmenterConfig
    from streams.augmenter.paraphrase import Recipe

    if every_minutes is not None:
        given["every_minutes"] = every_minutes
    config = AugmenterConfig(count=variants, recipes=tuple(map(Recipe, recipes)) or tuple(Recipe), **given)
    _serve("augmenter", run_id, lambda: AugmenterNode(settings, _ontology(ontology), run_id, state_dir, config), metrics_port, metrics_host)


@worker.command()
@click.option(
    "--extractors", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Processes that find claims in texts."
)
@policy_options()
@click.option("--preferences", is_flag=True, help="Send pairs of a good and a bad answer back to the stream as samples.")
@click.option(
    "--preference-margin",
    type=Finite(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    metavar="R",
    help="Least difference of a pair's rewards.",
)
@click.option(
    "--preference-max-age",
    type=Finite(0, min_open=True),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Pair no answer that was judged longer than this before the newest answer to its prompt.",
)
@state_option
@worker_options
def feedback(
    settings: KafkaSettings,
    run_id: str | None,
    ontology: Path | None,
    state_dir: Path | None,
    extractors: int,
    policy: str,
    no_claims: float | None,
    ternary: dict[str, float | None] | None,
    preferences: bool,
    preference_margin: float,
    preference_max_age: float,
    **serve: Any,
) -> None:
    """Judge model outputs against the knowledge graph."""
    from feedback_node.agent import FeedbackNode
    from feedback_node.preferences import PreferenceConfig

    config = config_of(policy, no_claims, ternary)
    for name in ("preference_margin", "preference_max_age"):
        if not preferences and click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} does nothing without --preferences")
    pairs = PreferenceConfig(margin=preference_margin, max_age_s=preference_max_age) if preferences else None
    _serve("feedback", run_id, lambda: FeedbackNode(settings, _ontology(ontology), run_id, config, pairs, extractors, state_dir), **serve)


def _ontology(path: Path | None) -> Ontology:
    from streams.knowledge.ontology import Ontology

    return Ontology.load(path) if path else Ontology()


def _serve(name: str, run_id: str | None, make: Callable[[], StreamNode], metrics_port: int | None, metrics_host: str) -> None:
    """Run a node until it is stopped."""
    from streams.app import run

    as_node(name, run_id)
    for library in ("faust", "mode", "asyncio"):  # their own news are tracebacks of what we tell in one line
        logging.getLogger(library).setLevel(logging.INFO if logging.getLogger().isEnabledFor(logging.DEBUG) else logging.CRITICAL)
    # A worker makes hundreds of objects of each record and keeps few: looking for cycles that often, and among all that was loaded, costs
    # it a tenth of its time.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, *gc.get_threshold()[1:])
    run(make(), metrics_port, metrics_host)
