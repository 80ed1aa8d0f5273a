"""The questions of `bench_blind`: four domains in many wordings, with yes/no and two-part ones, and some about names that mean nothing.

Countries (`demo.countries`) and chemical elements (mendeleev) are domains by which rules were tried. Breeds of dogs and models of cars are
in no rule, test or benchmark before this one; their facts (`data/blind/facts.json`) and ontologies were written before any answer was seen.

Run: `python benchmarks/blind_questions.py FILE`: one JSON object a line with `id`, `domain`, `subject`, `asked`, `kind`, `prompt`, `gold`.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
FOLDER = ROOT / "benchmarks" / "data" / "blind"
FACTS = json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))
SEED = 2612
EACH, YES_NO_EACH, TWO_PART_EACH = 12, 16, 8
"""Of each wording, and of each domain; a domain has six about names that mean nothing."""
BRITISH = {"England", "Scotland", "Wales"}

PLAIN = {
    "countries": {
        "capital": ["Which city is the seat of government of {}?", "Tell me the capital city of {}.", "{}: what is its capital?"],
        "currency": ["Which money do you need in the shops of {}?", "What is the money of {} called?"],
    },
    "elements": {
        "symbol": [
            "Which symbol stands for {} in the periodic table?",
            "What do chemists write for {}?",
            "Give me the symbol of the element {}.",
        ],
        "atomic_number": ["How many protons are in an atom of {}?", "At which atomic number does {} stand in the periodic table?"],
    },
    "dogs": {
        "origin": ["Which country does the {} come from?", "Where was the {} first bred?", "What is the {}'s country of origin?"],
        "group": ["To which group of the American Kennel Club does the {} belong?", "In which breed group is the {}?"],
    },
    "cars": {
        "maker": ["Which company makes the {}?", "Who builds the {}?", "Name the manufacturer of the {} car."],
        "introduced": ["In which year was the {} introduced?", "When did the first {} go on sale?"],
    },
}
YES_NO = {
    "countries": ("capital", ["Is {object} the capital of {subject}?", "Is the capital of {subject} {object}?"]),
    "elements": ("symbol", ["Is {object} the symbol of {subject}?", "Does {subject} have the symbol {object}?"]),
    "dogs": ("origin", ["Does the {subject} come from {object}?", "Is the {subject} a breed from {object}?"]),
    "cars": ("maker", ["Is the {subject} made by {object}?", "Does {object} make the {subject}?"]),
}
TWO_PART = {
    "countries": ("What is the capital of {}, and which currency does it use?", ("capital", "currency")),
    "elements": ("What are the symbol and the atomic number of {}?", ("symbol", "atomic_number")),
    "dogs": ("Where does the {} come from, and which breed group is it in?", ("origin", "group")),
    "cars": ("Who makes the {}, and when did it come out?", ("maker", "introduced")),
}
NOTHING = {
    "countries": ["Vendoria", "Kastravia", "Omberland", "Quillistan", "Zerania", "Port Mellow"],
    "elements": ["dravium", "ostrinium", "feltium", "quorine", "malvonium", "tessarium"],
    "dogs": ["Velmora Hound", "Tarnish Pointer", "Ostwick Terrier", "Brenlow Spaniel", "Karvan Sheepdog", "Lissom Retriever"],
    "cars": ["Ferrano Stiletto", "Ostrava Comet", "Belmar Tornado", "Kestrel GX9", "Vantor Nova", "Dellwood Pioneer"],
}


def gold_of(domain: str) -> dict[str, dict[str, list[str]]]:
    """Subject (as it stands in a sentence) -> property -> strings any of which is right."""
    if domain == "countries":
        from demo.countries import accepted, countries

        lands = [land for land in list(countries().values())[:110] if land.capitals]
        return {
            land.in_sentence: {"capital": [*accepted(*land.capitals)], "currency": [*accepted(*land.currencies, *land.units)]}
            for land in lands
        }
    if domain == "elements":
        from judge_answers import elements

        rows = elements()[:90]
        return {row["name"].lower(): {"symbol": [row["symbol"]], "atomic_number": [str(row["atomic_number"])]} for row in rows}
    if domain == "dogs":
        return {
            name: {"origin": [said for one in origins(places) for said in named(one)], "group": [group]}
            for name, places, group in FACTS["dogs"]
        }
    return {name: {"maker": named(maker), "introduced": [str(year) for year in years]} for name, maker, years in FACTS["cars"]}


def origins(places: list[str]) -> list[str]:
    """The United Kingdom beside its parts."""
    return [*places, *(["United Kingdom"] if BRITISH & set(places) and "United Kingdom" not in places else [])]


def named(name: str) -> list[str]:
    """A name and its other names."""
    return [name, *FACTS["aliases"].get(name, [])]


def questions() -> Iterator[dict[str, Any]]:
    """All of them."""
    rng = random.Random(SEED)
    for domain, properties in PLAIN.items():
        gold = gold_of(domain)
        for asked, wordings in properties.items():
            for wording, name in zip(wordings * EACH, rng.sample(sorted(gold), EACH * len(wordings)), strict=True):
                yield row(domain, name, [asked], "plain", wording.format(name), gold[name][asked])
        yield from _yes_no(domain, gold, rng)
        wording, both = TWO_PART[domain]
        for name in rng.sample(sorted(gold), TWO_PART_EACH):
            yield row(domain, name, list(both), "two_part", wording.format(name), [said for asked in both for said in gold[name][asked]])
        cells = [(asked, wording) for asked, wordings in properties.items() for wording in wordings]
        for number, name in enumerate(NOTHING[domain]):
            asked, wording = cells[number % len(cells)]
            yield row(domain, name, [asked], "unanswerable", wording.format(name), [])


def _yes_no(domain: str, gold: dict[str, dict[str, list[str]]], rng: random.Random) -> Iterator[dict[str, Any]]:
    asked, wordings = YES_NO[domain]
    for number, name in enumerate(rng.sample(sorted(gold), YES_NO_EACH)):
        right = gold[name][asked]
        others = [one[asked][0] for one in gold.values() if one[asked][0] not in right]
        true = number % 2 == 0
        said = right[0] if true else rng.choice(others)
        said = f"the {said}" if said == "United States" else said
        prompt = wordings[number // 2 % 2].format(subject=name, object=said)
        yield row(domain, name, [asked], "yes_no", prompt, ["yes"] if true else ["no", *right])


def row(domain: str, subject: str, asked: list[str], kind: str, prompt: str, gold: list[str]) -> dict[str, Any]:
    """One question; a first letter is a capital."""
    prompt = prompt[0].upper() + prompt[1:]
    return {"domain": domain, "subject": subject, "asked": asked, "kind": kind, "prompt": prompt, "gold": gold}


def main() -> None:
    """Write them."""
    with Path(sys.argv[1]).open("w", encoding="utf-8") as stream:
        for number, one in enumerate(questions()):
            stream.write(json.dumps({"id": f"q{number:03}", **one}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
