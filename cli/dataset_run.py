"""`pelton train --dataset-path`: produce files and train until they are consumed, with a broker and workers of our own if none is named."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from cli.files_first import check_files
from cli.logs import tell
from cli.program import PELTON
from cli.progress import shown
from cli.refused_samples import RefusedSamples
from cli.sample_reader import ReadOptions, SampleReader, readers_of
from cli.sending import counted, own_source, send_samples, told
from cli.terminal import say
from schemas.errors import UserError
from schemas.training_sample import Objective
from streams.kafka.admin import create_topics
from streams.kafka.broker import open_broker
from streams.kafka.settings import KafkaSettings
from streams.supervisor import Supervisor
from trainer_node.commit.ledger import Outcome
from trainer_node.config import TrainConfig
from trainer_node.curricula import Curriculum
from trainer_node.node import RunSummary, TrainerNode, stop_on_signals
from trainer_node.options import RunOptions
from trainer_node.reward_parts import asks_graph
from trainer_node.run.claim import check_before_claiming, check_before_starting, refuse_if_held

CHECK_EVERY_S = 0.5


def train_on_files(
    settings: KafkaSettings,
    config: TrainConfig,
    options: RunOptions,
    data: tuple[str, ...],
    facts: tuple[Path, ...],
    ontology: str | None,
    read: ReadOptions,
    judging: list[str],
) -> bool:
    """Produce the files, and data sets of the hub, and train until everything is consumed.

    A broker named by flag, file or environment is used as it is, with the curriculum worker that runs there; else both are started here.

    Returns:
        Whether it was told to stop, rather than came to its end.

    Raises:
        UserError: a setting, a file, or that nothing was trained of all that was sent; says why.
    """
    named = "bootstrap_servers" in settings.model_fields_set
    refuse_if_held(options)
    check_files(data, read, facts, Path(ontology) if ontology else None)
    check_before_starting(config, options)
    readers = readers_of(data, read)
    with contextlib.ExitStack() as stack:
        if not named:
            settings = _own_broker(stack, settings, options.run_dir)
        create_topics(settings, settings.topics).raise_if_wrong()
        check_before_claiming(settings, config, options)  # nothing is sent for a run that cannot be
        refused = RefusedSamples(settings, options.run_id)
        sent = _send(settings, facts, Path(ontology) if ontology else None, readers)
        nodes = None if named else _own_workers(stack, config, options, ontology, judging)
        wait_for = ("curriculum",) if named else ("curriculum", "augmenter")
        workers_run_id = options.workers_run_id if named else options.run_id
        looked_after = {} if named else {"worker_gone_s": None}
        node = TrainerNode(settings, config, _replace(options, wait_for=wait_for, workers_run_id=workers_run_id, **looked_after))
        stop_on_signals(node)
        with _watching(nodes, node), shown(node.snapshot, options.run_id):
            node.run()
        refused.look()
    done = node.summary
    if done is None:  # it was told to stop before it had begun
        return True
    if not node.stopped and is_fruitless(done, refused):
        raise UserError(f"nothing was trained: {refused.why_nothing(sent, config)}")
    tell_end(options, sent, done, refused)
    node.raise_if_fruitless()
    return node.stopped


def tell_end(options: RunOptions, sent: int, done: RunSummary, refused: RefusedSamples) -> None:
    """What the run came to."""
    for line in refused.told():
        say(line, fg="yellow", err=True)
    say(f"trained {counted(done.samples_trained, 'sample')} in {counted(done.step, 'step')}; run {options.run_id} in {options.run_dir}")
    for line in (*where_they_went(sent, done), *held_out_lines(options.run_dir)):
        say(line)


def is_fruitless(done: RunSummary, refused: RefusedSamples) -> bool:
    """Whether nothing came of what was sent: the run has trained nothing at all, or this start met bad records alone."""
    met = {outcome for outcome, count in done.outcomes.items() if count}
    return not done.samples_trained or (bool(refused.reasons) and met <= {Outcome.DEAD_LETTER})


def held_out_lines(run_dir: Path) -> list[str]:
    """Of each objective what its newest evaluation found, and what the weights that it began with had on the same samples."""
    from trainer_node.commit.history import BEGINNING, EVALUATION, read_history

    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in read_history(run_dir).to_pylist():
        if row["kind"] in (BEGINNING, EVALUATION):
            found.setdefault(row["objective"], {}).setdefault(row["name"], {})[row["kind"]] = row["value"]
    lines = []
    for objective, values in found.items():
        told = [" → ".join(f"{pair[kind]:.4f}" for kind in (BEGINNING, EVALUATION) if kind in pair) for pair in values.values()]
        lines.append(f"held out ({objective}): " + ", ".join(f"{name} {value}" for name, value in zip(values, told, strict=True)))
    return lines


def where_they_went(sent: int, done: RunSummary) -> list[str]:
    """What this start did of what was sent, where that is not all that there is to say."""
    new, others = done.outcomes.get(Outcome.TRAINED, 0), {**done.outcomes}
    others.pop(Outcome.TRAINED, None)
    if new == done.samples_trained == sent and not others:
        return []
    told = [f"{count} {WHERE[Outcome(outcome)]}" for outcome, count in sorted(others.items()) if count]
    variants = ", and each variant of a hard sample" if done.variants_trained else ""
    line = f"this start: {counted(sent, 'sample')} sent, {new} trained (each pass counts{variants})"
    return [", ".join([line, *told])]


WHERE = {
    Outcome.DEAD_LETTER: "dead-lettered",
    Outcome.DUPLICATE: "duplicates of samples that were trained before or beside",
    Outcome.VALIDATION: "held out to measure by",
    Outcome.PROMPT: "prompts left to be asked (--trainer grpo, rloo or ppo trains them)",
    Outcome.FOREIGN: "made for other runs",
    Outcome.FORGOTTEN: "left out, as `pelton forget` has asked",
    Outcome.UNREWARDED: "prompts without a reward in time",
    Outcome.NO_SPREAD: "prompts replaced, since their answers all earned the same",
}
"""Where a record went that was not trained."""


def needs_rewards(config: TrainConfig) -> bool:
    """Whether the run asks the feedback node what answers are worth."""
    learns = Objective.PROMPT in config.objectives and asks_graph(config.reward_fn)
    return learns or config.held_out_prompts > 0 or config.sampled_prompts > 0


def _replace(options: RunOptions, **changes: object) -> RunOptions:
    from dataclasses import replace

    return replace(options, **changes)  # type: ignore[arg-type]


def _own_broker(stack: contextlib.ExitStack, settings: KafkaSettings, run_dir: Path) -> KafkaSettings:
    """An embedded broker in the run's folder: the same folder goes on with the same log."""
    broker = open_broker(settings, run_dir / "broker", progress=tell)
    stack.callback(broker.stop)
    settings = settings.model_copy(update={"bootstrap_servers": broker.bootstrap_servers})
    os.environ.update(settings.to_environ())
    return settings


def _own_workers(
    stack: contextlib.ExitStack, config: TrainConfig, options: RunOptions, ontology: str | None, judging: list[str]
) -> Supervisor:
    """Curriculum and augmenter; where answers are judged, feedback too, with the flags of `cli.judging` that were given."""
    judges, pairs = needs_rewards(config), config.sampled_prompts > 0
    nodes = stack.enter_context(Supervisor(PELTON, options.run_dir / "logs", tell))
    for name in ("curriculum", "augmenter", *(("feedback",) if judges else ())):
        arguments = ["worker", name, "--run-id", options.run_id, "--state-dir", str(options.run_dir / "state" / name)]
        arguments += [*judging, *(["--preferences"] if pairs else [])] if name == "feedback" else []
        arguments += ["--signal", config.order.signal] if name == "curriculum" else []
        arguments += ["--hold-back", "all"] if name == "curriculum" and config.order is not Curriculum.OFF else []
        nodes.start(name, arguments + (["--ontology", ontology] if ontology else []))
    return nodes


def _send(settings: KafkaSettings, facts: tuple[Path, ...], ontology: Path | None, readers: list[SampleReader]) -> int:
    from cli.facts import fact_reader, send, surveyed

    if facts:
        with surveyed([fact_reader(path, None, ontology=ontology) for path in facts]) as survey:
            send(settings, survey)
    summary = send_samples(settings, readers, own_source("train"))
    for file in summary.files:
        for line in told(file):
            tell(line)
    tell(f"produced {counted(summary.sent, 'sample')}")
    return summary.sent


@contextlib.contextmanager
def _watching(nodes: Supervisor | None, node: TrainerNode) -> Iterator[None]:
    """Look after the workers while the trainer has this thread; when one cannot be kept alive, stop the trainer and raise."""
    done = threading.Event()
    failure: list[UserError] = []

    def look() -> None:
        while nodes is not None and not done.wait(CHECK_EVERY_S):
            try:
                nodes.check()
            except UserError as error:
                failure.append(error)
                node.stop()
                return

    watcher = threading.Thread(target=look, name="worker-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    if failure:
        raise failure[0]
