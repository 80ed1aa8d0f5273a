"""`pelton rewards`: what answers were judged to be worth, and judging them again when the facts have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.judging import config_of, policy_options
from cli.options import Group, RunName, json_option, kafka_options, sign_option
from cli.terminal import say

if TYPE_CHECKING:
    from feedback_node.policies import RewardConfig
    from schemas.graph_reward import GraphReward
    from schemas.model_output import ModelOutput
    from streams.kafka.settings import KafkaSettings

BATCH = 256
"""Outputs taken apart at once."""
READY_SECONDS = 600.0
"""Longest wait for the facts."""

run_option = click.option("--run-id", type=RunName(), metavar="ID", help="Only this run's.")
phase_option = click.option("--phase", metavar="NAME", help="Only of this phase: before, after, train.")


@click.group(cls=Group)
def rewards() -> None:
    """Show rewards, and judge outputs again under the graph as it is now."""


@rewards.command("list")
@run_option
@phase_option
@click.option("--prompt", "prompt_id", metavar="ID", help="Only for this prompt.")
@json_option
@kafka_options
def list_(settings: KafkaSettings, run_id: str | None, phase: str | None, prompt_id: str | None, as_json: bool) -> None:
    """List rewards, oldest first; an output judged under several graph versions has a line for each."""
    for reward in read_rewards(settings):
        if run_id in (None, reward.run_id) and phase in (None, reward.phase) and prompt_id in (None, reward.prompt_id):
            say(json.dumps(reward.model_dump(mode="json")) if as_json else line_of(reward))


@rewards.command()
@run_option
@phase_option
@click.option("--from-offset", type=click.IntRange(0), default=0, show_default=True, help="First offset of each partition of outputs.")
@click.option("--to-offset", type=click.IntRange(0), help="Offset behind the last one. [default: the end]")
@click.option(
    "--ontology",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Predicates of the graph.",
)
@policy_options()
@click.option("--dry-run", is_flag=True, help="Judge and compare, and send nothing.")
@json_option
@sign_option
@kafka_options
def replay(
    settings: KafkaSettings,
    run_id: str | None,
    phase: str | None,
    from_offset: int,
    to_offset: int | None,
    ontology: Path | None,
    policy: str,
    no_claims: float | None,
    ternary: dict[str, float | None] | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Judge a range of `outputs` again under the graph as it is now, without generating anything.

    The new judgement is another reward, `output@graph version`; the old one stays readable beside it. A replay under a graph that has not
    changed sends nothing new, by whatever policy: it says of how many outputs the judgement would be another.
    """
    from streams.kafka.producer import Producer

    config = config_of(policy, no_claims, ternary)
    known = {reward.reward_id: reward for reward in read_rewards(settings)}
    latest: dict[str, GraphReward] = {reward.output_id: reward for reward in known.values()}
    chosen = (o for o in read_outputs(settings, from_offset, to_offset) if run_id in (None, o.run_id) and phase in (None, o.phase))
    counts = {"judged": 0, "new": 0, "changed": 0, "stand": 0, "graph_version": -1}
    with Producer(settings) as producer:
        for reward in judge_again(settings, chosen, ontology, config):
            counts["judged"] += 1
            counts["graph_version"] = reward.graph_version
            if (stands := known.get(reward.reward_id)) is not None:
                counts["stand"] += is_another(stands, reward)
                continue
            counts["new"] += 1
            before = latest.get(reward.output_id)
            changed = before is not None and is_another(before, reward)
            counts["changed"] += changed
            if changed and before is not None and not as_json:
                say(change_of(before, reward))
            if not dry_run:
                producer.send(settings.topics.rewards, reward.prompt_id, reward)
    if as_json:
        say(json.dumps(counts | {"policy": config.policy.value, "values": config.values()}))
        return
    sent = "would be sent" if dry_run else "sent"
    judged = f"{counts['judged']} outputs judged at graph version {counts['graph_version']} by the policy {config.told()}"
    stand = f"; {counts['stand']} of this graph version stand, though judged otherwise now" if counts["stand"] else ""
    say(f"{judged}; {counts['new']} rewards {sent}, {counts['changed']} changed{stand}")


def is_another(one: GraphReward, other: GraphReward) -> bool:
    """Whether two judgements of an output give another number, R or what the policy gives."""
    return (one.reward, one.learnt_from) != (other.reward, other.learnt_from)


def read_rewards(settings: KafkaSettings) -> Iterator[GraphReward]:
    """Every reward on the topic; what is no reward is passed over."""
    from schemas.graph_reward import GraphReward

    yield from _read(settings, settings.topics.rewards.name, GraphReward)


def read_outputs(settings: KafkaSettings, first: int, behind: int | None) -> Iterator[ModelOutput]:
    """The outputs between two offsets of each partition."""
    from schemas.model_output import ModelOutput

    yield from _read(settings, settings.topics.outputs.name, ModelOutput, first, behind)


def _read(settings: KafkaSettings, topic: str, kind: Any, first: int = 0, behind: int | None = None) -> Iterator[Any]:
    from schemas.errors import BadRecord
    from streams.kafka.consumer import read_range
    from streams.kafka.signatures import Signatures

    signatures = Signatures(settings)
    for record in read_range(settings, topic):
        if record.offset < first or (behind is not None and record.offset >= behind):
            continue
        try:
            signatures.check(record)
            yield kind.decode(record.value)
        except BadRecord as bad:
            say(f"{topic}:{record.partition}:{record.offset} passed over: {bad.detail}", fg="yellow", err=True)


def judge_again(
    settings: KafkaSettings, outputs: Iterator[ModelOutput], ontology: Path | None, config: RewardConfig
) -> Iterator[GraphReward]:
    """Judge outputs, all under one version of the graph: the one that `facts` had reached when this began."""
    from streams.imported import kept_out

    with kept_out("torch"):  # spaCy would take it along
        from feedback_node.extraction.extractor import TripletExtractor
        from feedback_node.extraction.tried import unheard_phrases
    from feedback_node.hearing import prepare
    from feedback_node.reward import judge_output
    from streams.knowledge.ontology import Ontology
    from streams.knowledge.view import FactsView

    predicates = Ontology.load(ontology) if ontology else None
    extractor = TripletExtractor(predicates)
    for line in unheard_phrases(extractor, predicates) if predicates else ():
        say(line, fg="yellow", err=True)
    view = FactsView(settings, predicates)
    view.start()
    try:
        view.wait_ready(READY_SECONDS)
        with view.locked() as graph:
            while batch := [output for _, output in zip(range(BATCH), outputs, strict=False)]:
                utterances = [prepare(output.prompt, output.completion, graph) for output in batch]
                found = extractor.extract([one.text for one in utterances], [one.names for one in utterances])
                for output, triplets, utterance in zip(batch, found, utterances, strict=True):
                    yield judge_output(output, triplets, graph, config, utterance=utterance)
    finally:
        view.stop()


def value_of(reward: GraphReward) -> str:
    """The number, or that there is none; and what the policy gives, where that is another number."""
    number = "none" if reward.reward is None else f"{reward.reward:.2f}"
    return number if reward.value is None else f"{number}, {reward.policy} gives {reward.value:g}"


def change_of(before: GraphReward, after: GraphReward) -> str:
    """What a replay changed, in one line."""
    was = f"{value_of(before)} at version {before.graph_version}"
    return f"{after.prompt_id}: {was} -> {value_of(after)} at {after.graph_version}"


def line_of(reward: GraphReward) -> str:
    """A reward in one line."""
    counts = f"{reward.verified} verified, {reward.contradicted} contradicted, {reward.unknown} unknown"
    judged = f"{value_of(reward)}  ({counts}; graph {reward.graph_version})"
    return f"{reward.prompt_id}  {reward.phase or '-'}  {judged}  {reward.completion[:80]!r}"
