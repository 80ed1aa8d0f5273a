"""The questions of a set of `bench_blind`: its `plan.yaml` and its facts (`blind_sets.py`), made before there is any answer.

The plan of a set: `seed`, and under `domains` of each domain

- `subjects`: names as they stand in a sentence (`the Netherlands`), to draw from; without, all that have facts;
- `plain`: property -> wordings with `{subject}`, or with `{object}` alone where the subject is asked for; `each`: of a wording;
- `yes_no`: property -> wordings with both, half of them of what is so; `yes_no_each`: of a property;
- `two_part`: `asked`, two properties, and `wording`; `two_part_each`;
- `choice`: property -> wordings with `{subject}`, `{one}` and `{other}`, one of them what is so; `choice_each`: of a wording;
- `nothing`: names that mean nothing, one question each.

The questions of `blind`, the first set, were made from two tables in an earlier version of this script, those of `blind_3` from a plan of
another form (`plan.json`) before there was this one; they stay as they were asked.

Run: `python benchmarks/blind_questions.py SET` writes `questions.jsonl`.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from blind_sets import DATA, graph_of  # noqa: E402

from streams.knowledge.hypergraph import Hypergraph  # noqa: E402
from streams.knowledge.names import fold  # noqa: E402


class Domain:
    """A domain's plan with its facts: what is right of whom."""

    def __init__(self, name: str, plan: dict[str, Any], graph: Hypergraph) -> None:
        self.name, self.plan = name, plan
        self._names: dict[str, list[str]] = {}
        self._objects: dict[tuple[str, str], list[str]] = {}
        self._subjects: dict[tuple[str, str], list[str]] = {}
        for fact in graph:
            if fact.predicate == "alias":
                self._names.setdefault(fold(fact.subject), []).append(fact.object)
            else:
                self._objects.setdefault((fold(fact.subject), fact.predicate), []).append(fact.object)
                self._subjects.setdefault((fact.predicate, fact.object), []).append(fact.subject)
        self._all = plan.get("subjects") or sorted({fact.subject for fact in graph if fact.predicate != "alias"})

    def right(self, subject: str, asked: str) -> list[str]:
        """What is so of a subject, by all its names."""
        return self.named(self._objects.get((fold(subject.removeprefix("the ")), asked), []))

    def of(self, asked: str, said: str) -> list[str]:
        """Of whom something is so."""
        return self.named(self._subjects[asked, said])

    def named(self, names: list[str]) -> list[str]:
        """Names with their other names."""
        return [every for name in names for every in (name, *self._names.get(fold(name), []))]

    def having(self, *asked: str) -> list[str]:
        """Subjects of which all these properties are known."""
        return [name for name in self._all if all(self.right(name, one) for one in asked)]

    def row(self, subject: str, asked: list[str], kind: str, prompt: str, gold: list[str]) -> dict[str, Any]:
        """One question; a first letter is a capital."""
        prompt = prompt[0].upper() + prompt[1:]
        return {"domain": self.name, "subject": subject, "asked": asked, "kind": kind, "prompt": prompt, "gold": gold}


def questions(domain: Domain, rng: random.Random) -> Iterator[dict[str, Any]]:
    """All of a domain."""
    cells = [(asked, wording) for asked, wordings in domain.plan["plain"].items() for wording in wordings]
    for asked, wording in cells:
        for name in drawn(rng, domain.having(asked), domain.plan["each"]):
            if "{subject}" in wording:
                yield domain.row(name, [asked], "plain", wording.format(subject=name), domain.right(name, asked))
            else:
                said = domain.right(name, asked)[0]
                yield domain.row(said, [asked], "inverse", wording.format(object=said), domain.of(asked, said))
    yield from yes_no(domain, rng)
    for one in domain.plan["two_part"]:
        for name in drawn(rng, domain.having(*one["asked"]), domain.plan["two_part_each"]):
            right = [said for asked in one["asked"] for said in domain.right(name, asked)]
            yield domain.row(name, one["asked"], "two_part", one["wording"].format(subject=name), right)
    yield from choice(domain, rng)
    forwards = [(asked, wording) for asked, wording in cells if "{subject}" in wording]
    for name, (asked, wording) in zip(domain.plan["nothing"], itertools.cycle(forwards)):
        yield domain.row(name, [asked], "unanswerable", wording.format(subject=name), [])


def yes_no(domain: Domain, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Half of what is so, half of what is so of another."""
    for asked, wordings in domain.plan["yes_no"].items():
        having = domain.having(asked)
        for number, name in enumerate(drawn(rng, having, domain.plan["yes_no_each"])):
            right = domain.right(name, asked)
            others = sorted({domain.right(other, asked)[0] for other in having} - {*right})
            true = number % 2 == 0
            prompt = wordings[number // 2 % len(wordings)].format(subject=name, object=right[0] if true else rng.choice(others))
            yield domain.row(name, [asked], "yes_no", prompt, ["yes"] if true else ["no", *right])


def choice(domain: Domain, rng: random.Random) -> Iterator[dict[str, Any]]:
    """What is so, or what is so of another: half of them say first what is so."""
    for asked, wordings in domain.plan.get("choice", {}).items():
        having = domain.having(asked)
        for wording in wordings:
            for number, name in enumerate(drawn(rng, having, domain.plan["choice_each"])):
                right = domain.right(name, asked)
                offered = [right[0], rng.choice(sorted({domain.right(other, asked)[0] for other in having} - {*right}))]
                one, other = offered if number % 2 == 0 else reversed(offered)
                yield domain.row(name, [asked], "choice", wording.format(subject=name, one=one, other=other), right)


def drawn(rng: random.Random, names: list[str], count: int) -> list[str]:
    """So many of them, or all."""
    return rng.sample(names, min(count, len(names)))


def main() -> None:
    """Write them."""
    folder = DATA / sys.argv[1]
    plan = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    rng = random.Random(plan["seed"])
    domains = [Domain(name, part, graph_of(folder.name, name)) for name, part in plan["domains"].items()]
    made = [row for domain in domains for row in questions(domain, rng)]
    lines = [json.dumps({"id": f"q{number:03}", **row}, ensure_ascii=False) for number, row in enumerate(made)]
    (folder / "questions.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
