"""`pelton reward`: judge a text against a file of facts, and show which claim rests on what. Needs no broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.judging import config_of, policy_options
from cli.options import facts_there, json_option
from cli.terminal import say
from schemas.printable import escaped

if TYPE_CHECKING:
    from rich.console import Console

    from feedback_node.policies import RewardConfig
    from schemas.fact import Fact
    from schemas.graph_reward import GraphReward
    from schemas.triplet import JudgedTriplet
    from streams.knowledge.hypergraph import Hypergraph
    from streams.knowledge.ontology import Ontology

_MARKS = {"verified": ("✔", "green"), "contradicted": ("✘", "red"), "unknown": ("?", "yellow")}
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("text")
@click.option(
    "--facts",
    "fact_files",
    callback=facts_there,
    multiple=True,
    required=True,
    help="Any FILE, folder or pattern that `pelton facts` reads; may be repeated.",
)
@click.option("--ontology", "ontology_file", type=FILE, help="YAML or JSON; without one, no predicate contradicts.")
@policy_options("strict")
@click.option("--question", default="", help="What the text answers; needed by the policies coverage and ternary.")
@click.option("--gold", multiple=True, help="A string that makes the answer exactly right; may be repeated.")
@click.option("--skip-bad", is_flag=True, help="Pass over lines that are no facts, rather than stop at the first.")
@json_option
def reward(
    text: str,
    fact_files: tuple[Path, ...],
    ontology_file: Path | None,
    policy: str,
    no_claims: float | None,
    ternary: dict[str, float | None] | None,
    question: str,
    gold: tuple[str, ...],
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Judge TEXT (`-`: standard input) claim by claim against the facts, and show the reward and what it rests on."""
    if policy in ("coverage", "ternary") and not question:
        raise click.UsageError(f"the policy {policy} compares the text with what was asked: give a --question")
    config = config_of(policy, no_claims, ternary)
    graph = load_graph(fact_files, ontology_file, skip_bad)
    answer = sys.stdin.read() if text == "-" else text
    judged = judge(answer, question, graph, config, gold)
    if as_json:
        say(judged.model_dump_json(indent=2), lines=True)
    else:
        show(judged, graph)


def judge(answer: str, question: str, graph: Hypergraph, config: RewardConfig, gold: tuple[str, ...] = ()) -> GraphReward:
    """Take an answer apart and judge each claim."""
    from streams.imported import kept_out

    with kept_out("torch"):  # spaCy would take it along
        from feedback_node.extraction.extractor import TripletExtractor
        from feedback_node.extraction.tried import unheard_phrases
    from feedback_node.hearing import prepare
    from feedback_node.reward import judge_output
    from schemas.model_output import ModelOutput

    utterance = prepare(question, answer, graph)
    extractor = TripletExtractor(graph.ontology)
    for line in unheard_phrases(extractor, graph.ontology):
        say(line, fg="yellow", err=True)
    (triplets,) = extractor.extract([utterance.text], [utterance.names])
    output = ModelOutput(prompt_id="text", prompt=question, completion=answer, model_version="text", gold=gold or None)
    return judge_output(output, triplets, graph, config, utterance=utterance)


def load_graph(fact_files: tuple[Path, ...], ontology_file: Path | None, skip_bad: bool = False) -> Hypergraph:
    """A graph of all facts in some files; bad facts are passed over and told.

    Raises:
        UserError: a file cannot be read, or a line is no fact.
        ConfigError: the ontology is wrong.
    """
    from schemas.errors import BadRecord
    from streams.knowledge.hypergraph import Hypergraph
    from streams.knowledge.ontology import Ontology

    graph = Hypergraph(Ontology.load(ontology_file) if ontology_file else None)
    offset = 0
    for path in fact_files:
        for fact in read_facts(path, graph.ontology, skip_bad):
            try:
                graph.put(fact, offset)
            except BadRecord as bad:
                say(f"{path}: fact {fact.fact_id} passed over: {bad.detail}", fg="yellow", err=True)
            offset += 1
    return graph


def read_facts(path: Path, ontology: Ontology, skip_bad: bool = False) -> Iterator[Fact]:
    """The facts of one file."""
    from streams.knowledge.importing.reader import FactReader

    reader = FactReader(path, skip_bad, ontology=ontology, check=False)
    yield from reader.read()
    for line in reader.bad:
        say(f"skipped {line}", fg="yellow", err=True)


def show(judged: GraphReward, graph: Hypergraph) -> None:
    """The reward in one line, then each claim with its verdict, why, and the facts it rests on."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    number = "none" if judged.reward is None else f"{judged.reward:.2f}"
    given = "" if judged.value is None else f"  {judged.policy} gives {judged.value:g}"
    line = Text.assemble(("reward ", "bold"), (number, "bold cyan"), (given, "cyan"), f"  {reason(judged)}")
    console.print(line)
    if judged.answers_question is not None:
        console.print(_of_the_question(judged), style="dim")
    if judged.exact is not None:
        console.print(f"{'holds' if judged.exact else 'does not hold'} a gold string", style="dim")
    facts = {fact.fact_id: fact for fact in graph}
    for claim in judged.triplets:
        show_claim(console, claim, facts)


def reason(judged: GraphReward) -> str:
    """How the number came about."""
    if judged.status.value == "no_claims":
        if judged.abstained:
            return "abstained: the text says that it does not know"
        unread = f"; {judged.unread} sentence{'' if judged.unread == 1 else 's'} could not be read" if judged.unread else ""
        return f"no claim was found that the text commits to{unread}"
    counts = f"{judged.verified} verified, {judged.contradicted} contradicted, {judged.unknown} unknown"
    if judged.status.value == "no_answerable":
        return f"the graph knows nothing of what is claimed ({counts}; policy {judged.policy})"
    return f"of {judged.total} claim{'' if judged.total == 1 else 's'}: {counts} (policy {judged.policy})"


def show_claim(console: Console, claim: JudgedTriplet, facts: dict[str, Fact]) -> None:
    """One claim: its verdict, its words, and below it the note and the facts."""
    from rich.text import Text

    mark, colour = _MARKS[claim.verdict.value]
    triplet = claim.triplet
    said = f"{triplet.subject} · {triplet.predicate} · {triplet.object}"
    console.print(Text.assemble((f"{mark} {claim.verdict.value:<12} ", colour), escaped(said)))
    if claim.note:
        console.print(Text(escaped(f"    {claim.note}"), style="dim"))
    for fact_id in claim.fact_ids:
        source = facts[fact_id].source
        console.print(Text(escaped(f"    fact {fact_id}{f' ({source})' if source else ''}"), style="dim"))


def _of_the_question(judged: GraphReward) -> str:
    """What an answer says of what was asked, in a line."""
    if not judged.answers_question:
        return "says nothing of what was asked"
    verified = [claim for claim in judged.triplets if claim.verdict.value == "verified"]
    is_vague = bool(verified) and all(claim.vague for claim in verified)
    return "says of what was asked less than is known" if is_vague else "answers the question"
