"""`pelton ask`: put a question to a checkpoint or a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import facts_there, json_option, kafka_options
from cli.terminal import say
from cli.train_options import setting_option

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("model", metavar="CHECKPOINT|MODEL")
@click.argument("question", nargs=-1, required=True)
@click.option(
    "--facts",
    callback=facts_there,
    multiple=True,
    metavar="FILE",
    help="Judge the answer by any FILE, folder or pattern that `pelton facts` reads; may be repeated.",
)
@click.option("--ontology", type=click.Path(exists=True, path_type=Path), metavar="FILE", help="Predicates of those facts.")
@click.option("--max-new-tokens", type=int, default=64, show_default=True, help="Longest answer in tokens.")
@setting_option("bits")
@click.option("--base", metavar="PATH|NAME", help="Where the model is now that a checkpoint's adapter belongs to, if it has moved.")
@click.option("--announced", is_flag=True, help="MODEL is a run, or run/step, as announced on the models topic: its newest, or that one.")
@click.option(
    "--root",
    "roots",
    type=click.Path(file_okay=False, path_type=Path),
    multiple=True,
    default=("runs",),
    show_default=True,
    metavar="DIR",
    help="With --announced: where a checkpoint may lie; may be repeated.",
)
@json_option
@kafka_options
def ask(
    settings: KafkaSettings,
    model: str,
    question: tuple[str, ...],
    facts: tuple[Path, ...],
    ontology: Path | None,
    max_new_tokens: int,
    bits: str | None,
    base: str | None,
    announced: bool,
    roots: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Put one QUESTION or several to a checkpoint (or a run's folder: its newest), a model folder or a hub id.

    Arguments with blanks in them are a question each; words without quotation marks are one; `-` reads a question a line. With --json each
    answer is a document, a line each.

    With --facts, the answer is taken apart and each claim is judged, by the policy strict.
    """
    from cli.judging import config_of
    from cli.reward import judge, load_graph, show
    from trainer_node.models.generation import answer, as_prompt
    from trainer_node.models.restore import load_for_asking

    texts = questions_of(question)
    if announced:
        model = announced_path(settings, model, roots)
    loaded = load_for_asking(model, int(bits) if bits else None, base)
    completions = answer(loaded.model, loaded.tokenizer, [as_prompt(text) for text in texts], max_new_tokens)
    graph = load_graph(facts, ontology) if facts else None
    for text, completion in zip(texts, completions, strict=True):
        reward = judge(completion, text, graph, config_of("strict", None, None)) if graph else None
        if as_json:
            judged = reward.model_dump(mode="json", exclude_none=True) if reward else None
            say(json.dumps({"question": text, "answer": completion, "judgement": judged}))
            continue
        if len(texts) > 1:
            say(text, bold=True)
        say(completion, lines=True)
        if reward and graph:
            show(reward, graph)


def questions_of(words: tuple[str, ...]) -> list[str]:
    """Each argument is a question where one of them has a blank in it; words without any are one question; `-` is a question a line.

    Raises:
        UsageError: standard input has none.
    """
    if words == ("-",):
        found = [line.strip() for line in click.get_text_stream("stdin") if line.strip()]
        if not found:
            raise click.UsageError("standard input holds no question")
        return found
    return list(words) if any(" " in word.strip() for word in words) else [" ".join(words)]


def announced_path(settings: KafkaSettings, wanted: str, roots: tuple[Path, ...]) -> str:
    """Where the newest checkpoint lies that was announced of a run, or the one of a version; verified.

    Raises:
        UserError: nothing was announced of it.
        CheckpointError: it lies outside the roots, is another than was announced, or is torn.
    """
    from cli.tracing_topics import announced
    from schemas.errors import UserError
    from streams.kafka.reader import TopicReader
    from trainer_node.models.announced import announced_checkpoint

    with TopicReader(settings) as log:
        found = [version for version, _ in announced(log) if wanted in (version.run_id, version.version)]
    if not found:
        raise UserError(f"nothing is announced of {wanted!r} on {settings.topics.models.name}: see `pelton checkpoints list`")
    return str(announced_checkpoint(max(found, key=lambda version: (version.epoch, version.step)), roots).path)
