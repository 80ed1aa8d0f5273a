"""Texts made of triples by others, read from where the reader has them: no such text is in this repository.

The files are the WebNLG corpus's XML (Gardent and others, ACL 2017): entries of triples (`modifiedtripleset/mtriple`,
"subject | property | object") and the texts that people wrote of them (`lex`). Parts: `read`, which may be read to mend rules, and what is
only scored: `held_back`, and `unseen`, the categories that `read` has not. A file under a folder whose name begins with "test" is held
back. In the release "v2, constrained" no triple of its test part is in its other parts. Two categories were unseen until a part of their
entries was read, too: `read_2`; the other part, which speaks of other things, is `held_back_2`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from feedback_node.extraction.lexicon import words
from streams.knowledge.dates import parse_date

SIZES = range(1, 5)
"""Triples of an entry that is taken: those of more are several sentences each."""
READ_LATER = frozenset({"Film", "MusicalWork"})
"""Categories that were unseen until a part of them was read."""
PARTS = ("read", "held_back", "read_2", "held_back_2", "unseen")
_TYPE = re.compile(r"\^\^\S+$|@\w\w$")
_POINT_ZERO = re.compile(r"(?<=\d)\.0+(?!\d)")
_GLUED = re.compile(r"(?<=[a-z])\.(?=[A-Z])")

_WORD = re.compile(r"[^\W\d_]+")
_BESIDE_MONTHS = "monday tuesday wednesday thursday friday saturday sunday the on of day year st nd rd th bc ad ce bce t z"
_DATE_WORDS = words("months") | set(_BESIDE_MONTHS.split())


class Told(NamedTuple):
    """One entry: a text, and what it tells."""

    text: str
    pairs: list[tuple[str, str]]
    category: str
    part: str


def load(folder: Path, limit: int) -> list[Told]:
    """At most `limit` texts of each part, one of each entry; which, hangs on the texts alone.

    Raises:
        SystemExit: there are none.
    """
    told = list(_entries(folder))
    seen = {one.category for one in told if one.part == "read"}
    told = [one if one.part == "read" or one.category in seen else one._replace(part=_later_part(one)) for one in told]
    told.sort(key=lambda one: _drawn(one.text))
    chosen = [one for part in PARTS for one in [each for each in told if each.part == part][:limit]]
    if not chosen:
        raise SystemExit(f"no entries of texts and triples in the XML files below {folder}")
    return chosen


def _later_part(one: Told) -> str:
    """The part of an entry of a category that `read` has not, by what its first triple is about: no such thing is in two parts."""
    if one.category not in READ_LATER:
        return "unseen"
    return "held_back_2" if _drawn(one.pairs[0][0])[0] % 4 == 2 else "read_2"


def _entries(folder: Path) -> Iterator[Told]:
    for path in sorted(folder.rglob("*.xml")):
        held_back = any(name.startswith("test") for name in path.relative_to(folder).parts[:-1])
        for entry in ElementTree.parse(path).getroot().iter("entry"):
            triples = [(node.text or "").split(" | ") for node in entry.iter("mtriple")]
            texts = {(node.text or "").strip() for node in entry.iter("lex") if node.get("comment", "good") != "bad"} - {""}
            if len(triples) not in SIZES or not texts:
                continue
            pairs = list(dict.fromkeys((_side(left), _side(right)) for left, _, right in triples))
            yield Told(_GLUED.sub(". ", min(texts, key=_drawn)), pairs, entry.get("category", ""), "held_back" if held_back else "read")


def _drawn(text: str) -> bytes:
    """By what texts are drawn: an order that says nothing of them."""
    return hashlib.sha256(text.encode()).digest()


def _side(value: str) -> str:
    """A side as a reader writes it: `"45"^^xsd:integer` is 45."""
    return _TYPE.sub("", value.strip()).strip('"').replace("_", " ")


def _is_only_date(side: str) -> bool:
    return all(word.lower() in _DATE_WORDS for word in _WORD.findall(side))


def folded(side: str) -> str:
    """A side without what is only form, for both sides of a comparison: accents, ".0", and how a full date is written.

    Only what is a date and nothing else is read as one: a whole text with a date in it stays that text.
    """
    day = parse_date(side) if _is_only_date(side) else None
    if day is not None and day.day is not None and not (day.about or day.either):
        return f"{day.year} {day.month} {day.day}"
    plain = "".join(char for char in unicodedata.normalize("NFKD", side) if not unicodedata.combining(char))
    return _POINT_ZERO.sub("", plain)
