"""The page of any run: from its folder, and from its topics where its broker answers."""

from __future__ import annotations

import time
from typing import Any

from reports.curves import plots_of
from reports.folder import RunFolder
from reports.from_topics import FromTopics
from reports.page import ReportData, summarise
from trainer_node.commit.history import STEP

OUTCOMES = {
    "trained": "Trained",
    "validation": "Held out to measure by",
    "prompt": "Held-out prompts",
    "dead_letter": "Dead-lettered by the trainer",
    "duplicate": "Duplicates, dropped",
    "foreign": "Made for other runs",
    "unrewarded": "Prompts without a reward in time",
    "no_spread": "Prompts replaced, since their answers all earned the same",
}


def report_data(run: RunFolder, topics: FromTopics) -> ReportData:
    """Everything that the page shows of a run."""
    judged = summarise(topics.before, topics.after) if topics.before or topics.after else {}
    return ReportData(
        summary={**judged, **_evaluations(run)},
        answers=topics.answers,
        timings=_timings(run),
        environment=_environment(run) | _judges(run, topics),
        facts=topics.facts,
        title=f"Run {run.run_id}",
        made_at=time.time(),
        plots=plots_of(run),
        did=_did(run),
        fates={OUTCOMES.get(name, name): count for name, count in run.outcomes.items()},
        dead_letters=topics.dead_letters,
        variants=topics.variants,
        settings=_settings(run),
        data=_data(run),
        notes=_notes(run, topics),
        topics_missing=bool(topics.missing),
    )


def _notes(run: RunFolder, topics: FromTopics) -> list[str]:
    """What the page lacks, and what is amiss."""
    notes = [f"The topics could not be read, so answers and dead letters are missing: {topics.missing}"] if topics.missing else []
    hacking = run.summaries[-1].get("reward_hacking") if run.summaries else None
    return [*notes, f"{hacking}. docs/rewards.md says what games each policy."] if hacking else notes


def _evaluations(run: RunFolder) -> dict[str, tuple[float | None, float | None]]:
    several = len(run.evaluations()) > 1
    return {
        f"{name} ({objective})" if several else name: pair for objective, own in run.evaluations().items() for name, pair in own.items()
    }


def _did(run: RunFolder) -> str:
    last, steps = run.last_step, run.of_kind(STEP)
    if last is None:
        return "Nothing has been trained yet"
    samples = run.newest.manifest.feed.samples_trained if run.newest else int(sum(step.values.get("samples", 0) for step in steps))
    state = (
        "finished or stopped" if run.summaries and run.summaries[-1].get("step", -1) >= last.step else "at work, or ended without a word"
    )
    passes = max(step.pass_number for step in steps)
    told = [f"{samples} samples trained in {last.step} steps", f"pass {passes}", f"start {run.start.get('epoch', 1)}", state]
    return " · ".join(told)


def _timings(run: RunFolder) -> dict[str, float]:
    """Of all starts that ended in order."""
    stages: dict[str, float] = {}
    for summary in run.summaries:
        for name, seconds in summary.get("timings", {}).items():
            stages[name] = stages.get(name, 0.0) + seconds
    return apart(stages)


def apart(stages: dict[str, float]) -> dict[str, float]:
    """Seconds by stage, without what is inside of another: a step that learns from rewards waits for them. All else is outside of steps."""
    step = "training (prompt)"
    return stages | ({step: max(0.0, stages[step] - stages.get("judging (train)", 0.0))} if step in stages else {})


def _environment(run: RunFolder) -> dict[str, Any]:
    start = run.start
    base = start.get("base") or {}
    shown = {
        "model": base.get("source") or start.get("settings", {}).get("model"),
        "weights": base.get("weights"),
        "seed": start.get("seed"),
    }
    shown |= {name: start.get(name) for name in ("backend", "device", "bits", "processes", "began", "resumed_from")}
    return {
        name: value for name, value in {**shown, **start.get("machine", {}), "packages": start.get("versions")}.items() if value is not None
    }


def _judges(run: RunFolder, topics: FromTopics) -> dict[str, Any]:
    """By which policies answers were judged; those of a run that was killed are said by its rewards."""
    policies = {policy for summary in run.summaries for policy in summary.get("reward_policies", [])}
    policies |= {reward.policy for reward in (*topics.before, *topics.after)}
    return {"answers judged by": ", ".join(sorted(policies))} if policies else {}


def _settings(run: RunFolder) -> dict[str, Any]:
    found = run.start.get("settings") or (run.newest.manifest.settings if run.newest else {})
    return {name: value for name, value in (found or {}).items() if value is not None}


def _data(run: RunFolder) -> dict[str, Any]:
    """Offsets by partition that were read, and what of them is done."""
    rows = {}
    data = run.record.get("data") or {}
    for name, where in data.get("partitions", {}).items():
        first, below = where.get("first") or 0, where["done_below"]
        above = sum(last - begin + 1 for begin, last in where["done_above"])
        if below > first or above:
            rows[name] = f"offsets {first} to {below - 1}" + (f", and {above} above" if above else "")
    for lost in data.get("lost", []):
        rows[f"lost: {lost['topic']}:{lost['partition']}"] = f"offsets {lost['first']} to {lost['last']}"
    return rows
