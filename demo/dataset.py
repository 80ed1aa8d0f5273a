"""The demo's data: samples made from the facts of countries, with a known number of each kind, so that the account of a run can be checked.

`samples(countries=60)` is a pure function of its arguments. `python -m demo.dataset OUTDIR` writes the same to files.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import yaml

from demo.countries import FOLDER, Country, accepted, corrections, countries, facts
from schemas.errors import ConfigError, DeadLetterReason
from schemas.fact import Fact
from schemas.sample import Sample, Split, Task
from streams.knowledge.names import fold

__all__ = ["ONTOLOGY", "Broken", "Dataset", "Record", "facts", "samples"]

ONTOLOGY = FOLDER / "ontology.yaml"
"""How facts of the demo are spoken of."""


class Record(NamedTuple):
    """One record for the `samples` topic."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True)
class Broken:
    """A record that is broken on purpose, and the reason it must be dead-lettered for."""

    record: Record
    reason: DeadLetterReason


@dataclass(frozen=True)
class Dataset:
    """All that a demo run is given, by kind."""

    facts: tuple[Fact, ...]
    """Of all countries, whatever the number of countries asked about."""
    one_hop: tuple[Sample, ...]
    """Questions that one fact answers, with answers."""
    two_hop: tuple[Sample, ...]
    """Questions that need two facts."""
    three_hop: tuple[Sample, ...]
    """Questions that need three facts."""
    texts: tuple[Sample, ...]
    """Plain text to continue."""
    labelled: tuple[Sample, ...]
    """Texts with one label."""
    preferences: tuple[Sample, ...]
    """Chosen and rejected answers."""
    validation: tuple[Sample, ...]
    """Trained facts in wordings of their own; never trained on."""
    prompts: tuple[Sample, ...]
    """Held-out questions with `gold`: trained facts, in wordings never trained on. Split `validation`, so that no trainer takes them."""
    control: tuple[Sample, ...]
    """The same about countries that nothing is trained about."""
    sampled: tuple[Sample, ...]
    """Questions to train on, in trained wordings and without an answer: the model's own answers become preference pairs."""
    duplicates: tuple[Sample, ...]
    """Training samples that are sent a second time."""
    broken: tuple[Broken, ...]
    """Records that must end among the dead letters."""
    seed: int
    """Of the order in which `records` sends."""

    @property
    def train(self) -> tuple[Sample, ...]:
        """All that is to be trained on, each once."""
        return (*self.one_hop, *self.two_hop, *self.three_hop, *self.texts, *self.labelled, *self.preferences)

    @property
    def counts(self) -> dict[str, int]:
        """How many records of each kind; `samples_produced` is the sum of the five before it."""
        parts = {
            "train": len(self.train),
            "validation": len(self.validation),
            "prompts": len(self.asked) + len(self.sampled),
            "dead_letters": len(self.broken),
            "duplicates": len(self.duplicates),
        }
        return {**parts, "samples_produced": sum(parts.values())}

    @property
    def asked(self) -> tuple[Sample, ...]:
        """All held-out questions."""
        return (*self.prompts, *self.control)

    @property
    def wanted(self) -> tuple[Sample, ...]:
        """What states a fact that a held-out question asks for, in the order of the questions."""
        by_fact = {fact_of(sample.sample_id): sample for sample in (*self.one_hop, *self.two_hop)}
        return tuple(by_fact[fact_of(prompt.sample_id)] for prompt in self.prompts if fact_of(prompt.sample_id) in by_fact)

    @property
    def further(self) -> tuple[Sample, ...]:
        """What else can be trained on and nothing asks for, the nearest to what is asked first."""
        wanted = {sample.sample_id for sample in self.wanted}
        return tuple(s for s in (*self.two_hop, *self.one_hop, *self.three_hop) if s.sample_id not in wanted)

    def records(self) -> list[Record]:
        """Every record for `samples` in the order to send: shuffled, so that a repeat comes soon or late."""
        samples = (*self.train, *self.validation, *self.asked, *self.sampled, *self.duplicates)
        return self.shuffled([*samples, *self.broken])

    def shuffled(self, entries: Sequence[Sample | Broken]) -> list[Record]:
        """These, as records, in an order that the seed gives."""
        order = [entry.record if isinstance(entry, Broken) else _record(entry) for entry in entries]
        random.Random(self.seed).shuffle(order)
        return order


def fact_of(sample_id: str) -> str:
    """The end of a sample's id, which names the fact that it states or asks for: `capital-fr`."""
    return sample_id.partition("-")[2]


def _record(sample: Sample) -> Record:
    return Record(sample.sample_id.encode(), sample.encode())


class _Fact(NamedTuple):
    """What a question asks: a country's capital, currency or continent."""

    predicate: str
    country: Country

    @property
    def objects(self) -> tuple[str, ...]:
        country = self.country
        return {"capital": country.capitals, "currency": country.currencies, "continent": country.continents}[self.predicate]

    @property
    def gold(self) -> tuple[str, ...]:
        return accepted(*self.objects)

    @property
    def askable(self) -> bool:
        """It has an object, and the answer is not the question's own word ("the capital of Singapore")."""
        return bool(self.objects) and fold(self.objects[0]) != fold(self.country.name)

    @property
    def measurable(self) -> bool:
        """Gold strings tell right from wrong: not "dollar", which is in many wrong answers, and which is a right one all the same."""
        return self.predicate != "currency" or not self.country.units


class _Asked(NamedTuple):
    """A question of some wording, and the fact that answers it."""

    name: str
    """Readable end of the sample's id: `capital-fr`."""
    prompt: str
    fact: _Fact


def samples(countries: int = 60, seed: int = 7) -> Dataset:
    """The demo's data about the most populous countries.

    Raises:
        ConfigError: fewer than 3 countries, or more than there are.
    """
    known = list(_all_countries())
    if not 3 <= countries <= len(known):
        raise ConfigError(f"countries: {countries} is not in 3..{len(known)}")
    maker, chosen = _Maker(random.Random(seed)), known[:countries]
    one_hop = _one_hop(chosen)
    trained = maker.ask_each(one_hop, "train")
    two_hop = maker.pick(_two_hop(chosen, "train"), countries // 3)
    three_hop = maker.pick(_three_hop(), countries // 6)
    answered = {asked.name: maker.answered(asked, "qa") for asked in trained}
    prompts = list(maker.prompts(one_hop, two_hop, countries))
    asked_for = [answered[fact] for prompt in prompts if (fact := fact_of(prompt.sample_id)) in answered]
    others = _one_hop(known[countries : 2 * countries])
    few = min(4, countries)
    return Dataset(
        facts=tuple(facts()),
        one_hop=tuple(answered.values()),
        two_hop=tuple(maker.answered(asked, "qa2") for asked in two_hop),
        three_hop=tuple(maker.answered(asked, "qa3") for asked in three_hop),
        texts=tuple(Sample(sample_id=f"text-{n}", text=text) for n, text in enumerate(_wordings()["texts"][:few], 1)),
        labelled=tuple(_labelled(few)),
        preferences=tuple(maker.preference(fact, one_hop) for fact in maker.rng.sample(one_hop, min(3, countries))),
        validation=tuple(
            maker.answered(asked, "check", Split.VALIDATION)
            for asked in maker.ask_each(maker.rng.sample(one_hop, max(1, 2 * countries // 15)), "validation")
        ),
        prompts=tuple(prompts),
        control=tuple(maker.prompts(others, [], max(5, countries // 5))),
        sampled=tuple(maker.sampled(one_hop, countries // 5)),
        duplicates=tuple(maker.rng.sample(asked_for, max(1, countries // 6))),
        broken=_broken(),
        seed=seed,
    )


def _one_hop(about: Sequence[Country]) -> list[_Fact]:
    facts = [_Fact(predicate, country) for country in about for predicate in ("capital", "currency", "continent")]
    return [fact for fact in facts if fact.askable]


def _all_countries() -> Iterable[Country]:
    return countries().values()


class _Maker:
    """Draws wordings and facts from one random stream."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def ask_each(self, asked: Sequence[_Fact], split: str) -> list[_Asked]:
        """One question per fact, in a wording drawn for it."""
        return [
            _Asked(
                f"{fact.predicate}-{fact.country.code.lower()}",
                _fill(self.rng.choice(_wordings()["one_hop"][fact.predicate][split]), fact),
                fact,
            )
            for fact in asked
        ]

    def pick(self, kinds: Sequence[Sequence[_Asked]], number: int) -> list[_Asked]:
        """`number` questions, by turns of every kind, at most one a name."""
        queues = [self.rng.sample(kind, len(kind)) for kind in kinds]
        found: dict[str, _Asked] = {}
        while len(found) < number and any(queues):
            for queue in filter(None, queues):
                asked = queue.pop()
                if len(found) < number:
                    found.setdefault(asked.name, asked)
        return list(found.values())

    def answered(self, asked: _Asked, prefix: str, split: Split = Split.TRAIN) -> Sample:
        """With a short sentence that states the fact asked for."""
        answer = _fill(self.rng.choice(_wordings()["answers"][asked.fact.predicate]), asked.fact)
        gold = asked.fact.gold if split is Split.VALIDATION else None
        return Sample(sample_id=f"{prefix}-{asked.name}", split=split, prompt=asked.prompt, answer=answer, gold=gold)

    def preference(self, fact: _Fact, others: Sequence[_Fact]) -> Sample:
        """The true answer against the same sentence with another country's object."""
        wrong = [other.objects[0] for other in others if other.predicate == fact.predicate and not set(other.objects) & set(fact.objects)]
        wording = _wordings()["answers"][fact.predicate][0]
        (asked,) = self.ask_each([fact], "train")
        chosen, rejected = _fill(wording, fact), _fill(wording, fact, object=self.rng.choice(wrong))
        return Sample(sample_id=f"pair-{asked.name}", prompt=asked.prompt, chosen=chosen, rejected=rejected)

    def sampled(self, about: Sequence[_Fact], number: int) -> Iterator[Sample]:
        """`number` questions in wordings of training, to be answered several times by the model itself."""
        for asked in self.ask_each(self.rng.sample([fact for fact in about if fact.measurable], number), "train"):
            yield Sample(sample_id=f"try-{asked.name}", task=Task.RLHF_GRPO, prompt=asked.prompt)

    def prompts(self, one_hop: Sequence[_Fact], two_hop: Sequence[_Asked], number: int) -> Iterator[Sample]:
        """`number` held-out questions: of ten, four capitals, three currencies, two continents; the rest of two hops."""
        by_predicate = {"capital": 4 * number // 10, "currency": number // 3, "continent": 2 * number // 10}
        asked: list[_Asked] = []
        for predicate, wanted in by_predicate.items():
            about = [fact for fact in one_hop if fact.predicate == predicate and fact.measurable]
            fair = [question for question in self.ask_each(about, "evaluation") if not _leaks(question)]
            asked += self.rng.sample(fair, min(wanted, len(fair)))
        trained = {question.name for question in two_hop if question.fact.measurable}
        again = [
            q for kind in _two_hop([q.fact.country for q in two_hop], "evaluation") for q in kind if q.name in trained and not _leaks(q)
        ]
        asked += self.rng.sample(again, min(number - len(asked), len(again)))
        for question in asked:
            yield Sample(
                sample_id=f"ask-{question.name}",
                task=Task.RLHF_GRPO,
                split=Split.VALIDATION,
                prompt=question.prompt,
                gold=question.fact.gold,
            )


def _leaks(asked: _Asked) -> bool:
    """Whether the question holds an answer ("which continent is South Africa on?")."""
    words = f" {fold(asked.prompt)} "
    return any(f" {fold(gold)} " in words for gold in asked.fact.gold)


def _two_hop(about: Sequence[Country], split: str) -> list[list[_Asked]]:
    """Questions by kind, about countries that one currency or capital tells from all others."""
    kinds = []
    for kind in _wordings()["two_hop"]:
        known, wanted = kind["known"], kind["wanted"]
        kinds.append(
            [
                _Asked(f"{wanted}-by-{known}-{country.code.lower()}", _fill(wording, fact, known=_Fact(known, country).objects[0]), fact)
                for country in dict.fromkeys(about)
                if _tells(known, country) and (fact := _Fact(wanted, country)).askable
                for wording in kind[split]
            ]
        )
    return kinds


def _tells(predicate: str, country: Country) -> bool:
    """Whether its capital or currency is no other country's, and does not name the country ("Canadian dollar", "Mexico City")."""
    mine = _Fact(predicate, country)
    if not mine.askable or not mine.measurable or fold(country.name) in fold(mine.objects[0]):
        return False
    others = (other for other in _all_countries() if other is not country)
    return not any(set(mine.objects) & set(_Fact(predicate, other).objects) for other in others)


def _three_hop() -> list[list[_Asked]]:
    """Questions that go from a capital over the only land neighbour of its country."""
    table = countries()
    lonely = [
        (country, table[country.neighbours[0]])
        for country in table.values()
        if len(country.neighbours) == 1 and country.code not in corrections().borders_in_doubt and _tells("capital", country)
    ]
    return [
        [
            _Asked(f"{kind['wanted']}-beside-{start.code.lower()}", _fill(wording, fact, known=start.capitals[0]), fact)
            for start, end in lonely
            if (fact := _Fact(kind["wanted"], end)).askable
            for wording in kind["train"]
        ]
        for kind in _wordings()["three_hop"]
    ]


def _fill(wording: str, fact: _Fact, **slots: str) -> str:
    """A wording with its slots filled, and a capital letter at its start."""
    text = wording.format(**{"country": fact.country.in_sentence, "object": fact.objects[0], **slots})
    return text[0].upper() + text[1:]


def _labelled(number: int) -> Iterator[Sample]:
    label_set = tuple(_wordings()["label_set"])
    for n, entry in enumerate(_wordings()["labelled"][:number], 1):
        yield Sample(sample_id=f"label-{n}", text=entry["text"], label=entry["label"], label_set=label_set)


def _broken() -> tuple[Broken, ...]:
    """One record for each way in which a producer goes wrong."""
    values: dict[str, tuple[bytes | None, DeadLetterReason]] = {
        "broken-json": (b'{"sample_id": "broken-json", "prompt": "What is', DeadLetterReason.BAD_JSON),
        "broken-encoding": (b'{"sample_id": "broken-encoding", "prompt": "S\xe3o Paulo"}', DeadLetterReason.BAD_ENCODING),
        "broken-empty": (None, DeadLetterReason.EMPTY),
        "broken-type": (b'{"sample_id": "broken-type", "prompt": ["a", "list"], "answer": 7}', DeadLetterReason.INVALID),
        "broken-version": (
            b'{"schema_version": "99.0", "sample_id": "broken-version", "prompt": "?", "answer": "!"}',
            DeadLetterReason.UNKNOWN_VERSION,
        ),
        "broken-answer": (
            b'{"sample_id": "broken-answer", "task": "qa", "prompt": "What is the answer?", "answer": ""}',
            DeadLetterReason.UNTRAINABLE,
        ),
    }
    return tuple(Broken(Record(key.encode(), value), reason) for key, (value, reason) in values.items())


@cache
def _wordings() -> dict[str, Any]:
    wordings: dict[str, Any] = yaml.safe_load((FOLDER / "templates.yaml").read_text(encoding="utf-8"))
    return wordings


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--countries", "number", default=60, show_default=True, help="How many countries to ask about.")
@click.option("--seed", default=7, show_default=True, help="Of wordings, choice and order.")
def main(folder: Path, number: int, seed: int) -> None:
    """Write facts.jsonl, samples.jsonl (in sending order, duplicates included, broken records not) and ontology.yaml to FOLDER."""
    try:
        data = samples(number, seed)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    folder.mkdir(parents=True, exist_ok=True)
    broken = {entry.record for entry in data.broken}
    values = [record.value for record in data.records() if record not in broken and record.value]
    (folder / "samples.jsonl").write_bytes(b"".join(value + b"\n" for value in values))
    (folder / "facts.jsonl").write_bytes(b"".join(fact.encode() + b"\n" for fact in data.facts))
    shutil.copyfile(ONTOLOGY, folder / ONTOLOGY.name)
    click.echo(json.dumps({**data.counts, "facts": len(data.facts), "written": [str(path) for path in sorted(folder.iterdir())]}, indent=2))


if __name__ == "__main__":
    main()
