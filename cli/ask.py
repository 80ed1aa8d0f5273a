"""`pelton ask`: put a question to a checkpoint or a model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli.options import json_option
from cli.terminal import say
from cli.train_options import setting_option


@click.command()
@click.argument("model", metavar="CHECKPOINT|MODEL")
@click.argument("question", nargs=-1, required=True)
@click.option(
    "--facts",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Judge the answer by these facts; may be repeated.",
)
@click.option("--ontology", type=click.Path(exists=True, path_type=Path), metavar="FILE", help="Predicates of those facts.")
@click.option("--max-new-tokens", type=int, default=64, show_default=True, help="Longest answer in tokens.")
@setting_option("bits")
@click.option("--base", metavar="PATH|NAME", help="Where the model is now that a checkpoint's adapter belongs to, if it has moved.")
@json_option
def ask(
    model: str,
    question: tuple[str, ...],
    facts: tuple[Path, ...],
    ontology: Path | None,
    max_new_tokens: int,
    bits: str | None,
    base: str | None,
    as_json: bool,
) -> None:
    """Put a QUESTION to a checkpoint (or a run's folder: its newest), a model folder or a hub id.

    With --facts, the answer is taken apart and each claim is judged.
    """
    from cli.reward import judge, load_graph, show
    from trainer_node.models.generation import answer, as_prompt
    from trainer_node.models.restore import load_for_asking

    text = " ".join(question)
    loaded = load_for_asking(model, int(bits) if bits else None, base)
    completion = answer(loaded.model, loaded.tokenizer, [as_prompt(text)], max_new_tokens)[0]
    graph = load_graph(facts, ontology) if facts else None
    reward = judge(completion, text, graph) if graph else None
    if as_json:
        judged = reward.model_dump(mode="json", exclude_none=True) if reward else None
        say(json.dumps({"question": text, "answer": completion, "judgement": judged}))
        return
    say(completion, lines=True)
    if reward and graph:
        show(reward, graph)
