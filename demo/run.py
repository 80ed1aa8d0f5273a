"""The main job from end to end on this machine: a broker, the workers, the trainer, and what it all came to.

`run_demo` reads as the demo does: start, produce, watch until the trainer has consumed everything, then count and report from the topics
and the checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from demo import policy
from demo.account import Account, take_account
from demo.dataset import ONTOLOGY, samples
from demo.live import LiveTable, NodeView
from demo.producing import DemoProducer
from demo.results import Results, collect
from demo.session import DemoOptions, Session
from schemas.errors import PeltonError
from schemas.training_sample import Objective
from streams.kafka.admin import create_topics
from streams.kafka.broker import open_broker
from streams.kafka.embedded import free_port
from streams.kafka.lag import LagReader
from streams.kafka.settings import KafkaSettings
from streams.node import group_name
from streams.supervisor import Supervisor
from trainer_node.commit.ledger import Ledger
from trainer_node.commit.manifest import checkpoints

WORKERS = ("curriculum", "augmenter", "feedback")
READS = {"curriculum": "samples", "augmenter": "losses", "feedback": "outputs"}
LOOK_EVERY_S = 0.5
MORE = {
    ("augmenter", False): ("--every", "1", "--variants", "1", "--warm-up", "4", "--quantile", "0.8", "--control", "0"),
    ("feedback", False): ("--preferences",),
    ("feedback", True): ("--policy", "ternary"),
}
"""Further flags of workers, without and with a policy. A run of a hundred samples has few losses to tell the hard ones by."""


def run_demo(options: DemoOptions, program: Sequence[str], console: Console) -> Results:
    """Run it, and return what it came to; everything is written to `options.run_dir`. `program` is the command `pelton`, as its nodes
    are started.

    Raises:
        UserError: a port is taken, something cannot be fetched, or a node cannot be kept alive.
        AccountNotExact: a record ended nowhere, or twice.
    """
    started = time.monotonic()
    run_dir = options.run_dir
    run_dir.mkdir(parents=True, exist_ok=True)
    dataset = samples(options.countries, options.seed)
    base = KafkaSettings.load()
    with contextlib.ExitStack() as stack:
        console.print(f"[bold]Pelton demo[/] → {run_dir}")
        before = time.monotonic()
        broker = open_broker(base, run_dir / "broker", port=options.port, progress=console.print)
        stack.callback(broker.stop)
        run_id = run_dir.name
        settings = base.model_copy(update={"bootstrap_servers": broker.bootstrap_servers, **_own_prefix(broker.kind, run_id)})
        os.environ.update(settings.to_environ())  # the nodes inherit it
        create_topics(settings, settings.topics).raise_if_wrong()
        supervisor = stack.enter_context(Supervisor(program, run_dir / "logs", console.print))
        session = Session(options, settings, run_id, supervisor, dataset, started=started)
        session.timings["starting the broker"] = time.monotonic() - before
        _produce_and_train(session, console)
        with session.during("counting and reporting"):
            account = _account(session)
            results = collect(session, account)
    results.finish(run_dir, wall_s=time.monotonic() - started)
    account.verify()
    return results


def _own_prefix(kind: str, run_id: str) -> dict[str, str]:
    """On a broker that others use, too, the demo has topics of its own."""
    return {"topic_prefix": f"demo.{run_id}."} if kind == "address" else {}


def _produce_and_train(session: Session, console: Console) -> None:
    closed = session.options.run_dir / "producers.closed"
    producer = DemoProducer(session, closed)
    with session.during("producing facts"):
        producer.send_facts()
    views = _start_nodes(session, closed)
    with LiveTable(console, session.supervisor, views, lambda: session.stage) as live, LagReader(session.settings) as lag:
        with session.during("producing samples"):
            producer.send_first()
        with session.during("training, asking and judging"):
            trainer = session.supervisor.nodes["trainer"]
            while not trainer.ended:
                session.supervisor.check()
                _look(session, lag, views)
                if told := producer.look(views[-1].metrics):
                    live.say(told)
                live.update()
                time.sleep(LOOK_EVERY_S)
        _look(session, lag, views)


def _start_nodes(session: Session, closed: Path) -> list[NodeView]:
    """The workers and the trainer, each a process of its own with its metrics on a port of its own."""
    ports = {name: free_port() for name in (*WORKERS, "trainer")}
    state = session.options.run_dir / "state"
    for name in WORKERS:
        arguments = ["worker", name, "--run-id", session.run_id, "--ontology", str(ONTOLOGY), "--metrics-port", str(ports[name])]
        session.supervisor.start(name, [*arguments, "--state-dir", str(state / name), *MORE.get((name, session.options.rl), ())])
    session.supervisor.start("trainer", _trainer_arguments(session, closed, ports["trainer"]), may_end=True, stop_s=70.0)
    return [NodeView(name, port) for name, port in ports.items()]


def _trainer_arguments(session: Session, closed: Path, port: int) -> list[str]:
    options = session.options
    flags: dict[str, Any] = {
        "--model": options.model,
        "--run-id": session.run_id,
        "--run-dir": options.run_dir / "training",
        "--epochs": options.epochs,
        "--lr": 1e-3,
        "--batch-size": 4,
        "--linger-s": 0.3,
        "--checkpoint-steps": 20,
        "--held-out-prompts": len(session.dataset.asked),
        "--closed-file": closed,
        "--workers-run-id": session.run_id,
        "--metrics-port": port,
    }
    if options.rl:
        number = len(policy.asked(options.countries))
        flags |= policy.FLAGS | {"--epochs": 1, "--batch-size": number, "--held-out-prompts": number}
        flags["--model"] = policy.guessing_model(options.run_dir / "guessing", options.countries)
    else:
        flags |= {"--curriculum": "difficulty", "--pace-steps": 4}
        flags |= {"--sampled-prompts": len(session.dataset.sampled), "--num-generations": options.answers}
    pairs = [str(part) for flag in flags.items() for part in flag]
    return ["train", *pairs, "--wait-for", "curriculum", "--wait-for", "augmenter", *options.train_flags]


def _look(session: Session, lag: LagReader, views: list[NodeView]) -> None:
    """Read lag, metrics and memory as they are now."""
    topics = session.settings.topics
    bands = [topic.name for objective in Objective for topic in topics.bands(objective)]
    by_name: dict[str, int] = {}
    for view in views:
        worker = view.name in READS
        group = group_name(session.settings, view.name, session.run_id)
        names = [getattr(topics, READS[view.name]).name] if worker else bands
        try:
            rows = lag.group_lag(group, names)
        except PeltonError:
            continue  # the broker is busy: the next look will tell
        view.lag = sum(rows.values())
        view.scrape()
        if worker:
            by_name[names[0]] = view.lag
        else:
            for tp, behind in rows.items():
                by_name[tp.topic] = behind
    session.lag.append((time.time(), by_name))
    session.peak_bytes = max(session.peak_bytes, memory_in_use())


def memory_in_use() -> int:
    """Bytes that this process and all its descendants hold, shared pages counted once (PSS where the kernel tells it)."""
    import psutil

    total = 0
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += getattr(process.memory_full_info(), "pss", None) or process.memory_info().rss
    return total


def _account(session: Session) -> Account:
    newest = checkpoints(session.options.run_dir / "training")[-1]
    ledger = Ledger(session.options.run_dir / "training" / "ledger", newest.manifest.segments)
    return take_account(session.settings, ledger.rows())
