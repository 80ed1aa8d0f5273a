"""Names as the graph compares them: case, accents, punctuation, "the", the possessive, and "St." for "Saint" do not matter.

`words` cuts a text into folded words that know where they stood; `fold` joins them. Both go by the same rules, so that
a name found in a text is the name that was put into the graph.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

_LETTER = r"[^\s!-/:-@\[-`{-~\u0080-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2000-\u206f\u3000-\u3003\u3008-\u301f]"
"""A character that may stand in a word: neither space nor punctuation (ASCII, Latin-1, general and CJK)."""
_APOSTROPHE = r"['’‘ʼʻ`´]"
_WORD = re.compile(
    rf"""
      (?P<possessive>(?<=\s)['’]s(?!{_LETTER}))                                   # a possessive that a tokenizer split off
    | (?P<initials>[^\W\d_]\.(?:\s?[^\W\d_]\.)+(?:[^\W\d_](?!{_LETTER}))?          # U.S.A., J. K.
                 | [^\W\d_](?:\.[^\W\d_])+(?!{_LETTER}))                           # D.C
    | (?P<number>\d+(?:[.,]\d+)+(?!{_LETTER}))                                   # 1,234.5
    | (?P<and>&)
    | {_LETTER}+(?:{_APOSTROPHE}{_LETTER}+)*(?:\+{{1,2}}|\#)?                    # a word, inner apostrophes kept together; C++, C#
    """,
    re.VERBOSE,
)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9]+")
_ODD = re.compile(r"""[^\n !"$%()*,\-./0-9:;<=>?@A-Z\[\\\]^_a-z{|}~]""")
"""What is not plain wherever it stands: all but ASCII, and ASCII's quotes, `&`, `+`, `#`."""
_DOTTED = re.compile(r"[.,](?:(?<=\d[.,])(?=\d)|(?<=(?<![A-Za-z0-9])[A-Za-z]\.))")
"""A dot or a comma within a number, or behind an initial; begins with what is rare, for which `re` looks fast."""
_NOT_LETTERS = re.compile(rf"(?!{_LETTER}).|{_APOSTROPHE}", re.DOTALL)
_BETWEEN_INITIALS = re.compile(r"[.\s]")
_POSSESSIVE = re.compile(rf"{_APOSTROPHE}s$", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NOT_DECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ə": "e", "ß": "ss"})
_SHORT_FORMS = {"saint": "st", "sainte": "ste", "mount": "mt"}
"""Words of names that are written short as often as in full."""


class Word(NamedTuple):
    """One folded word of a text."""

    text: str
    """Folded; never empty."""
    start: int
    """First character in the text."""
    end: int
    """One past the last character."""


_new: Any = tuple.__new__
"""Makes a word in half the time that the class takes to do so."""


def _fold_word(word: str) -> str:
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.casefold().translate(_NOT_DECOMPOSED))
    plain = "".join(char for char in plain if not "\u0300" <= char <= "\u036f")
    plain = unicodedata.normalize("NFC", plain.casefold().translate(_NOT_DECOMPOSED))
    return _NOT_LETTERS.sub("", plain)  # a ligature may have held an apostrophe


def words(text: str) -> Iterable[Word]:
    """The folded words of a text in order, "the" among them, possessives dropped."""
    return _latest_words(text) if len(text) <= _SHORT_CHARS else _cut(text)


@lru_cache(maxsize=256)
def _latest_words(text: str) -> tuple[Word, ...]:
    """A question and the phrases of an answer are cut several times on the way to a verdict, one time soon after the other."""
    return tuple(_cut(text))


def _cut(text: str) -> Iterator[Word]:
    return _plain_words(text) if _is_plain(text) else _any_words(text)


def _is_plain(text: str) -> bool:
    return _ODD.search(text) is None and _DOTTED.search(text) is None


def _plain_words(text: str) -> Iterator[Word]:
    """The same where nothing but spaces and simple punctuation stands between ASCII letters: most texts, in half the time."""
    for match in _PLAIN_WORD.finditer(text.lower()):
        folded = match.group()
        yield _new(Word, (_SHORT_FORMS.get(folded, folded), *match.span()))


def _any_words(text: str) -> Iterator[Word]:
    for match in _WORD.finditer(text):
        raw = match.group()
        start, end = match.span()
        kind = match.lastgroup
        if kind is None and raw.isascii() and raw.isalnum():
            folded = raw.lower()
            yield _new(Word, (_SHORT_FORMS.get(folded, folded), start, end))
            continue
        if kind == "possessive":
            continue
        if kind == "initials":
            raw = re.sub(r"[.\s]", "", raw)
        elif kind == "and":
            raw = "and"
        elif kind == "number":
            raw = _THOUSANDS.sub("", raw)
        elif found := _POSSESSIVE.search(raw):
            raw, end = raw[: found.start()], start + found.start()
        folded = _fold_word(re.sub(_APOSTROPHE, "", raw))
        folded = _SHORT_FORMS.get(folded, folded)
        if folded:
            yield Word(folded, start, end)


def folded_words(text: str) -> list[str]:
    """The words of `words` without their places, "the" left out: of most texts in a third of the time. The list is not to be changed."""
    return _latest_folded(text) if len(text) <= _SHORT_CHARS else _folded(text)


@lru_cache(maxsize=256)
def _latest_folded(text: str) -> list[str]:
    return _folded(text)


def _folded(text: str) -> list[str]:
    if not _is_plain(text):
        return [word.text for word in words(text) if word.text != "the"]
    return [_SHORT_FORMS.get(word, word) for word in _PLAIN_WORD.findall(text.lower()) if word != "the"]


def fold(name: str) -> str:
    """A name without what does not matter: `fold("The Café of Léon's") == "cafe of leon"`. Idempotent; empty where there is no word."""
    return _fold_name(name) if len(name) <= _NAME_CHARS else _join(name)


_SHORT_CHARS = 1_000
"""The words of longer texts are not remembered."""
_NAME_CHARS = 200
"""Longer texts are no names, and are not remembered."""


@lru_cache(maxsize=65_536)
def _fold_name(name: str) -> str:
    return _join(name)


def _join(text: str) -> str:
    return " ".join(folded_words(text)) or " ".join([word.text for word in words(text)][:1])  # "The" is a name where nothing else is said


def singulars(name: str) -> Iterator[str]:
    """What a folded name may be the plural of: "baobabs" -> baobab, "berries" -> berry, berrie."""
    if name.endswith("s") and not name.endswith("ss"):
        if name.endswith("ies"):
            yield name[:-3] + "y"
        if name.endswith("es"):
            yield name[:-2]
        yield name[:-1]
