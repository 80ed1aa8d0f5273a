"""What a demo run came to: read from `losses`, `rewards`, the account and the trainer's notes; as a table, JSON and the report."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from demo import policy
from demo.account import Account
from demo.dataset import fact_of
from demo.session import DemoOptions, Session
from reports.of_run import apart
from reports.page import CONTROL, MEASURES, Answer, ReportData, measure_rows, summarise, write_report
from reports.plots import Lag, Loss, Reward
from schemas.base import Message
from schemas.graph_reward import GraphReward
from schemas.sample_loss import SampleLoss
from schemas.topics import Topic
from streams.kafka.consumer import read_range
from streams.kafka.settings import KafkaSettings

SUMMARY_NAMES = {"reward": "reward_avg", "exact_accuracy": "accuracy"}
"""Names in summary.json, where they are not the measure's own."""


@dataclass
class Results:
    """Everything that the table, summary.json and the report show."""

    account: Account
    measures: dict[str, tuple[float | None, float | None]]
    outputs_judged: int
    report: ReportData
    final_lag: dict[str, int]
    peak_bytes: int
    restarts: dict[str, int]
    questions: tuple[int, int] = (0, 0)
    """About facts that were trained, and about others."""
    rise: list[tuple[int, float, float]] = field(default_factory=list)
    """Of a policy: last step, right answers, and reward, in mean over a part of the steps."""
    left_out: str | None = None
    """What the plan had no room for."""
    wall_s: float = 0.0
    run_dir: Path = field(default_factory=Path)

    def finish(self, run_dir: Path, wall_s: float) -> None:
        """Write summary.json and report.html."""
        self.run_dir, self.wall_s = run_dir, wall_s
        (run_dir / "summary.json").write_text(json.dumps(self.summary(), indent=1) + "\n", encoding="utf-8")
        write_report(run_dir / "report.html", self.report)

    def summary(self) -> dict[str, Any]:
        """The run in numbers, in snake_case."""
        numbers = self.account.numbers()
        counts = {
            "samples_produced": numbers["samples_produced"],
            "duplicates": numbers["duplicates"],
            "samples_validation": numbers["validation"],
            "prompts": numbers["prompts"],
            "samples_trained": numbers["trained"],
            "dead_letters": numbers["dead_letters"],
            "variants_republished": numbers["variants"],
            "variants_trained": numbers["variants_trained"],
            "pairs_republished": numbers["pairs"],
            "pairs_trained": numbers["pairs_trained"],
            "account_exact": self.account.exact,
            "outputs_judged": self.outputs_judged,
        }
        measures = {
            f"{SUMMARY_NAMES.get(name, name)}_{when}": self.measures[name][side]
            for name in MEASURES
            for side, when in enumerate(("before", "after"))
        }
        return {
            **counts,
            **measures,
            "control_accuracy_before": self.measures.get(CONTROL, (None, None))[0],
            "control_accuracy_after": self.measures.get(CONTROL, (None, None))[1],
            "questions": self.questions[0],
            "questions_control": self.questions[1],
            "left_out": self.left_out,
            "rise": self.rise,
            "lag_at_end": self.final_lag,
            "restarts": self.restarts,
            "memory_peak_bytes": self.peak_bytes,
            "timings_s": dict(self.report.timings),
            "wall_s": self.wall_s,
        }

    @property
    def asked(self) -> str:
        """What the table is about."""
        trained, others = self.questions
        if self.rise:
            return f"{trained} questions that a policy is trained on, answered greedily"
        return f"{trained} questions about trained facts, in new wordings; {others} about others"

    def show(self, console: Console) -> None:
        """The one table, and where to look further."""
        table = Table(title=self.asked, title_justify="left")
        for column in ("", "before", "after", "change"):
            table.add_column(column, justify="left" if not column else "right")
        for row in measure_rows(self.measures):
            colour = {True: "green", False: "red", None: ""}[row.better]
            table.add_row(row.name, row.before, row.after, f"[{colour}]{row.change}[/]" if colour else row.change)
        console.print(table)
        numbers = self.account.numbers()
        ends = " + ".join(
            f"{numbers[name]} {name.replace('_', ' ')}" for name in ("trained", "validation", "prompts", "dead_letters", "duplicates")
        )
        sign = "=" if self.account.exact else "≠"
        for step, right, value in self.rise:
            console.print(f"to step {step:>3}: right answers {100 * right:3.0f} %  reward {value:+.2f}", highlight=False)
        console.print(f"Account: {numbers['samples_produced']} samples produced {sign} {ends}")
        for name, plural in (("variants", "Variants"), ("pairs", "Preference pairs of its own answers")):
            console.print(f"{plural}: {numbers[name]} sent back, {numbers[f'{name}_trained']} trained")
        if self.left_out:
            console.print(self.left_out[0].upper() + self.left_out[1:], style="yellow", markup=False)
        console.print(f"Lag at the end: {sum(self.final_lag.values())}   Memory at most: {self.peak_bytes / 2**30:.1f} GiB")
        console.print("Time: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.report.timings.items()))
        console.print(f"{self.wall_s:.0f} s in all.  Report: {self.run_dir / 'report.html'}")


def collect(session: Session, account: Account) -> Results:
    """Read the run's messages off the topics and put everything together."""
    settings, run_id = session.settings, session.run_id
    losses = _of_run(settings, settings.topics.losses, SampleLoss, run_id)
    judged = {reward.output_id: reward for reward in _of_run(settings, settings.topics.rewards, GraphReward, run_id)}
    before = {reward.prompt_id: reward for reward in judged.values() if reward.phase == "before"}
    after = {reward.prompt_id: reward for reward in judged.values() if reward.phase == "after"}
    asked, again = _by_fact(session, before), _by_fact(session, after)
    measures = summarise(asked[True], again[True])
    if again[False]:
        measures[CONTROL] = summarise(asked[False], again[False])["exact_accuracy"]
    report = ReportData(
        summary=measures,
        losses=[_loss_row(loss) for loss in {loss.event_id: loss for loss in losses}.values()],
        rewards=[Reward(reward.judged_at or 0.0, reward.phase or "train", reward.reward) for reward in judged.values()],
        lag=[Lag(at, by_name) for at, by_name in session.lag],
        answers=[_answer(prompt, before.get(prompt), after.get(prompt)) for prompt in sorted(before.keys() | after.keys())],
        account=account.numbers(),
        timings=_timings(session),
        environment=_environment(session.options),
        facts={fact.fact_id: fact for fact in session.dataset.facts},
    )
    restarts = {node.name: node.restarted for node in session.supervisor.nodes.values() if node.restarted}
    questions = len(again[True]), len(again[False])
    rise = policy.rise(session.options.run_dir / "training") if session.options.rl else []
    return Results(
        account, measures, len(judged), report, session.lag[-1][1], session.peak_bytes, restarts, questions, rise, session.left_out
    )


def _by_fact(session: Session, rewards: dict[str, GraphReward]) -> dict[bool, list[GraphReward]]:
    """Judged answers by whether the fact that was asked for was trained."""
    found: dict[bool, list[GraphReward]] = {True: [], False: []}
    for prompt_id, reward in rewards.items():
        found[fact_of(prompt_id) in session.facts_sent].append(reward)
    return found


def _of_run(settings: KafkaSettings, topic: Topic, kind: type[Message], run_id: str) -> list[Any]:
    messages = (kind.decode(record.value) for record in read_range(settings, topic.name))
    return [message for message in messages if getattr(message, "run_id", None) == run_id]


def _loss_row(loss: SampleLoss) -> Loss:
    sample = loss.sample
    return Loss(loss.step, loss.pass_number, loss.sample_id, sample.band, sample.difficulty.score, loss.loss, loss.trained_at or 0.0)


def _answer(prompt_id: str, before: GraphReward | None, after: GraphReward | None) -> Answer:
    either = after or before
    assert either is not None
    return Answer(either.prompt or prompt_id, either.gold or (), before, after)


def _timings(session: Session) -> dict[str, float]:
    """Stages of the supervisor, with the trainer's own stages in place of the long one that they fill."""
    stages = {name: seconds for name, seconds in session.timings.items() if name != "training, asking and judging"}
    for path in sorted((session.options.run_dir / "training").glob("trainer-e*.json")):
        notes = json.loads(path.read_text(encoding="utf-8"))["timings"]
        for name, seconds in apart(notes).items():
            stages[name] = stages.get(name, 0.0) + seconds
    rest = session.timings.get("training, asking and judging", 0.0) - sum(s for name, s in stages.items() if name not in session.timings)
    return stages | ({"starting Python and waiting for it": rest} if rest > 0 else {})


def _environment(options: DemoOptions) -> dict[str, Any]:
    """Versions, seed and hardware, for the report."""
    packages = ("torch", "transformers", "trl", "peft", "faust-streaming", "kafka-python", "spacy", "networkx")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "model": options.model,
        "seed": options.seed,
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
