"""The report of a run: one self-contained HTML page that a person can send to another.

`write_report(path, ReportData(...))`. What the page says in words and numbers is decided here, what it looks like in `page.html.j2`,
which charts there are in `plots`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from reports.answers import ShownAnswer, shown
from reports.charts import Plot, number
from reports.comparison import compare_paired
from reports.plots import Lag, Loss, Reward, difficulty_plot, lag_plot, loss_plot, reward_plot
from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.printable import escaped
from trainer_node.rewards.figures import is_unread

TEMPLATE = Path(__file__).with_name("page.html.j2")


class Answer(NamedTuple):
    """One held-out question, asked before and after."""

    prompt: str
    gold: Sequence[str]
    before: GraphReward | None
    after: GraphReward | None


@dataclass(frozen=True)
class ReportData:
    """All that the page shows. Every part may be empty; plain tuples in the order of the fields do as well as the named ones."""

    summary: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Measure -> (before, after), as `summarise` makes it; further names are shown as they are."""
    losses: Sequence[Loss] = ()
    """In the order of training."""
    rewards: Sequence[Reward] = ()
    """Of all phases."""
    lag: Sequence[Lag] = ()
    """Sampled over the run."""
    answers: Sequence[Answer] = ()
    """All held-out questions; a dozen is shown."""
    account: Mapping[str, int] = field(default_factory=dict)
    """`samples_produced` and the parts that must add up to it (see `PARTS`); further names stand beside the sum."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Stage -> seconds, in order."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Versions, seed, hardware; values are shown as text."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """Facts by id, for the evidence under a claim."""
    title: str = "Pelton demo run"
    """Heading."""
    made_at: float | None = None
    """Seconds since the epoch; left out of the page when None."""
    plots: Sequence[Plot] | None = None
    """Charts; None: those of `losses`, `rewards` and `lag`."""
    did: str = ""
    """What was done, in a line; empty: made of the rest."""
    fates: Mapping[str, int] = field(default_factory=dict)
    """Records of a run by what became of them, where there is no `account` of what was produced."""
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Reason -> records."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """Recipe -> what its variants of hard samples brought."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the run."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Which records it was trained on."""
    heading: str = ""
    """The first line; empty: what went up or down."""
    columns: Sequence[str] = ()
    """Names of the runs that `figures` are of."""
    figures: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """Figures of several runs, in place of before and after."""
    differences: Mapping[str, str] = field(default_factory=dict)
    """What was compared, and what came of it, in words."""
    notes: Sequence[str] = ()
    """What the page lacks, and why."""
    topics_missing: bool = False
    """Whether the topics were not read, so that nobody knows what answers there are."""


class Measure(NamedTuple):
    """A row of the table of before and after."""

    name: str
    meaning: str
    before: str
    after: str
    change: str
    better: bool | None
    """Whether the change is for the better; None where there is none to judge."""


MEASURES: dict[str, tuple[str, str, int]] = {
    "exact_accuracy": ("Exact answers", "answers that hold an accepted name", 1),
    "reward": ("Reward", "mean share of an answer's claims that the graph verifies, over answers with a reward", 1),
    "hallucination_rate": ("Hallucination rate", "claims that the graph contradicts, of all claims", -1),
    "contradicted_share": ("Contradicted", "claims that the graph contradicts, of those that it can judge", -1),
    "coverage": ("Coverage", "answers with at least one claim, of all answers", 1),
    "abstained": ("Abstained", "answers that say that they do not know, of all answers", 0),
    "unread": ("Not read", "answers of which no claim was heard and that do not abstain, of all: many of them mean a deaf judge", -1),
}
"""Measures that `summarise` gives, all of them shares: heading, meaning, and the direction that is better."""

CONTROL = "exact_control"
"""Of facts that were never trained: what the rest is compared with."""
SHARES = {**MEASURES, CONTROL: ("Exact answers, facts never trained", "a control: what the model answers better without being told", 1)}
"""All that is shown in percent."""

EVALUATIONS: dict[str, tuple[str, str, int]] = {
    "val_loss": ("Held-out loss", "mean over target tokens, in nats; of pairs the mean DPO loss of a pair", -1),
    "val_perplexity": ("Held-out perplexity", "exp() of the held-out loss", -1),
    "val_accuracy": ("Held-out accuracy", "of labels, or of pairs whose chosen side gained more", 1),
    "val_accuracy_mean": ("Held-out accuracy by mean", "the label chosen by the mean log-likelihood of its tokens", 1),
    "val_accuracy_baseline": ("Accuracy without a model", "the commonest label for all; of pairs, a coin", 0),
    "val_macro_f1": ("Macro-F1", "mean over labels", 1),
    "val_adjusted_rand": ("Adjusted Rand index", "agreement of both groupings, over pairs of samples", 1),
}
"""What an evaluation finds, in its own units."""

PARTS: dict[str, tuple[str, str]] = {
    "trained": ("Trained", "stand in the weights, each once a pass"),
    "validation": ("Validation", "measured, never trained on"),
    "prompts": ("Prompts", "asked before and after, nothing to imitate"),
    "dead_letters": ("Dead letters", "unusable, kept whole with the reason"),
    "duplicates": ("Duplicates", "sent again under a known id, and dropped"),
}
"""What becomes of a produced sample; the parts add up to `samples_produced`."""
BESIDE: dict[str, tuple[str, str]] = {
    "variants": ("Variants", "made from hard samples by the augmenter"),
    "variants_trained": ("Variants trained", "those of them that stand in the weights"),
    "pairs": ("Preference pairs", "made from judged answers by the feedback node"),
    "pairs_trained": ("Preference pairs trained", "those of them that stand in the weights"),
}
"""What nodes made themselves: beside the sum."""


class AccountRow(NamedTuple):
    """A line of the account."""

    name: str
    meaning: str
    records: int


@dataclass(frozen=True)
class Account:
    """The account of samples, and whether it closes."""

    produced: int
    parts: tuple[AccountRow, ...]
    beside: tuple[AccountRow, ...]

    @property
    def total(self) -> int:
        """Sum of the parts."""
        return sum(row.records for row in self.parts)

    @property
    def exact(self) -> bool:
        """Whether nothing is missing and nothing is counted twice."""
        return self.total == self.produced


class Slice(NamedTuple):
    """A stage of the bar of time."""

    name: str
    seconds: str
    share: float
    """Percent of the whole."""
    colour: str


def summarise(before: Iterable[GraphReward], after: Iterable[GraphReward]) -> dict[str, tuple[float | None, float | None]]:
    """The measures of MEASURES for two sets of judged answers. A reward of None is no zero and is left out of the mean.

    The hallucination rate is over all claims; the share of contradicted ones among those the graph can judge
    stands beside it, because talk of other things dilutes the first and not the second.
    """
    one, two = _measures(list(before)), _measures(list(after))
    return {name: (one[name], two[name]) for name in MEASURES}


def _measures(rewards: list[GraphReward]) -> dict[str, float | None]:
    known = [reward.reward for reward in rewards if reward.reward is not None]
    contradicted = sum(reward.contradicted for reward in rewards)
    graded = [reward.exact for reward in rewards if reward.exact is not None]
    return {
        "exact_accuracy": _ratio(sum(graded), len(graded)),
        "reward": _ratio(sum(known), len(known)),
        "hallucination_rate": _ratio(contradicted, sum(reward.total for reward in rewards)),
        "contradicted_share": _ratio(contradicted, contradicted + sum(reward.verified for reward in rewards)),
        "coverage": _ratio(sum(reward.total > 0 for reward in rewards), len(rewards)),
        "abstained": _ratio(sum(bool(reward.abstained) for reward in rewards), len(rewards)),
        "unread": _ratio(sum(is_unread(reward) for reward in rewards), len(rewards)),
    }


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def write_report(path: str | Path, data: ReportData) -> Path:
    """Write the page and return its path; folders are made.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(data), encoding="utf-8")
    return path


def _seen(value: Any) -> Any:
    """Text without what a reader does not see, or what turns the order of what he sees; markup of the page's own stays as it is."""
    return escaped(value, lines=True) if type(value) is str else value


def render(data: ReportData) -> str:
    """The page as text. Every value from outside is escaped by the template engine."""
    loader = jinja2.FileSystemLoader(TEMPLATE.parent)
    page = jinja2.Environment(
        loader=loader, autoescape=True, finalize=_seen, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    losses = [row for row in (Loss(*row) for row in data.losses) if math.isfinite(row.loss)]
    rewards = [Reward(*row) for row in data.rewards]
    answers = [Answer(*row) for row in data.answers]
    return page.get_template(TEMPLATE.name).render(
        title=data.title,
        verdict=data.heading or verdict(data),
        columns=data.columns,
        figures={name: [_plain(value) for value in values] for name, values in data.figures.items()},
        differences=data.differences,
        run_line=data.did or run_line(data, losses),
        made_at=None if data.made_at is None else datetime.fromtimestamp(data.made_at, UTC).strftime("%d %B %Y, %H:%M UTC"),
        measures=measure_rows(data.summary),
        movement=movement(answers),
        plots=_plots(data, losses, rewards) if data.plots is None else data.plots,
        fates=data.fates,
        dead_letters=data.dead_letters,
        variants=data.variants,
        settings={name: _text(value) for name, value in data.settings.items()},
        records={name: _text(value) for name, value in data.data.items()},
        notes=data.notes,
        topics_missing=data.topics_missing,
        account=account_of(data.account),
        slices=slices(data.timings),
        total_time=duration(sum(data.timings.values())),
        answers=choose(answers, data.facts),
        asked=len(answers),
        environment={name: _text(value) for name, value in data.environment.items()},
    )


def _plots(data: ReportData, losses: list[Loss], rewards: list[Reward]) -> list[Plot]:
    return [loss_plot(losses), reward_plot(rewards), difficulty_plot(losses), lag_plot([Lag(*row) for row in data.lag])]


def verdict(data: ReportData) -> str:
    """The run in one sentence, whichever way it went."""
    nouns = {"exact_accuracy": "exact answers", "hallucination_rate": "contradicted claims", "reward": "the mean reward"}
    said = [_moved(noun, *data.summary[name]) for name, noun in nouns.items() if name in data.summary]
    for name, (before, after) in data.summary.items():
        if name.startswith(("val_accuracy", "val_loss")) and not name.startswith(("val_accuracy_baseline", "val_accuracy_mean")):
            show = _percent if name.startswith("val_accuracy") else _plain
            said.append(_moved(measure_of(name)[0].lower(), before, after, show))
    text = " and ".join([*filter(None, said)][:2])
    return f"{text[0].upper()}{text[1:]}." if text else "This run has no measures from before and after."


def _moved(noun: str, before: float | None, after: float | None, show: Callable[[float | None], str] | None = None) -> str:
    show = show or _percent
    if before is None or after is None:
        return ""
    if show(before) == show(after):
        return f"{noun} stayed at {show(after)}"
    return f"{noun} {'rose' if after > before else 'fell'} from {show(before)} to {show(after)}"


def measure_of(name: str) -> tuple[str, str, int]:
    """Heading, meaning, and the direction that is better; of an evaluation of one among several objectives, too: `val_loss (sft)`."""
    plain, _, whose = name.partition(" ")
    heading, meaning, direction = EVALUATIONS.get(plain) or SHARES.get(plain) or (plain.replace("_", " ").capitalize(), "", 0)
    return f"{heading} {whose}".rstrip(), meaning, direction


def run_line(data: ReportData, losses: Sequence[Loss]) -> str:
    """What was done, in a line: samples, steps, passes, time."""
    parts = []
    if losses:
        passes = len({row.pass_number for row in losses})
        samples = len({row.sample_id for row in losses})
        steps = len({row.step for row in losses})
        parts.append(f"{_count(samples, 'sample')} trained in {_count(steps, 'step')} over {_count(passes, 'pass', 'passes')}")
    if data.answers:
        parts.append(f"{_count(len(data.answers), 'question')} asked before and after, in wordings that were not trained on")
    if data.timings:
        parts.append(f"{duration(sum(data.timings.values()))} in all")
    return " · ".join(parts)


def measure_rows(summary: Mapping[str, tuple[float | None, float | None]]) -> list[Measure]:
    """The table of before and after: known measures first, as percentages."""
    rows = []
    for name in [*(name for name in SHARES if name in summary), *(name for name in summary if name not in SHARES)]:
        before, after = summary[name]
        heading, meaning, direction = measure_of(name)
        show = _percent if name in SHARES else _plain
        change, better = "–", None
        if before is not None and after is not None:
            difference = 100 * (after - before) if name in SHARES else after - before
            change = f"{_signed(difference)} points" if name in SHARES else f"{difference:+.4g}".replace("-", "\u2212")
            better = None if not direction or show(before) == show(after) else (difference > 0) == (direction > 0)
        rows.append(Measure(heading, meaning, show(before), show(after), change, better))
    return rows


def movement(answers: Sequence[Answer]) -> str:
    """How many questions went from wrong to right and back, in words; empty where that is not known."""
    both = [(a.before.exact, a.after.exact) for a in answers if a.before and a.after and None not in (a.before.exact, a.after.exact)]
    if not both:
        return ""
    gained, lost = both.count((False, True)), both.count((True, False))
    kept, still = both.count((True, True)), both.count((False, False))
    moved = f"{gained} went from wrong to right, {lost} from right to wrong"
    told = compare_paired([float(before or 0) for before, _ in both], [float(after or 0) for _, after in both]).told()
    return f"Of {_count(len(both), 'question')}, {moved}; {kept} stayed right, {still} stayed wrong. Share of right ones: {told}."


def account_of(account: Mapping[str, int]) -> Account | None:
    """The account as lines; None where nothing was counted."""
    if not account:
        return None
    parts = tuple(AccountRow(*PARTS[name], account.get(name, 0)) for name in PARTS)
    others = [name for name in account if name not in PARTS and name != "samples_produced"]
    beside = tuple(AccountRow(*BESIDE.get(name, (name.replace("_", " ").capitalize(), "")), account[name]) for name in others)
    return Account(account.get("samples_produced", 0), parts, beside)


def slices(timings: Mapping[str, float]) -> list[Slice]:
    """The stages of the run as shares of its time."""
    whole = sum(timings.values())
    known = [(name, seconds) for name, seconds in timings.items() if seconds > 0]
    return [Slice(name, duration(seconds), round(100 * seconds / whole, 2), f"c{n % 8 + 1}") for n, (name, seconds) in enumerate(known)]


def choose(answers: Sequence[Answer], facts: Mapping[str, Fact], most: int = 12) -> list[ShownAnswer]:
    """A dozen answers that tell the whole story: the lost and the still wrong among them, the rest gained ones and then the kept."""
    found = [shown(answer.prompt, tuple(answer.gold), answer.before, answer.after, facts) for answer in answers]
    groups = {outcome: [answer for answer in found if answer.outcome == outcome] for outcome in ("gained", "lost", "wrong", "kept", "")}
    taken = [*groups["lost"][:2], *groups["wrong"][:2], *groups["kept"][:1]]
    for outcome in ("gained", "kept", "wrong", "lost", ""):
        taken += [answer for answer in groups[outcome] if answer not in taken][: most - len(taken)]
    return sorted(taken, key=lambda answer: ("gained", "lost", "wrong", "kept", "").index(answer.outcome))


def duration(seconds: float) -> str:
    """`95` -> `1 min 35 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _count(count: int, one: str, many: str = "") -> str:
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}\u202f%"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\u2212") if abs(value) >= 0.05 else "0"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
