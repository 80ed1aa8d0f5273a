"""Other words for the same, by a table of the language alone (`rephrasings.toml`): interchangeable words, and forms of a question."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from streams.augmenter.reading import is_phrase
from streams.knowledge.english import FUNCTION_WORDS, stem

TABLE = Path(__file__).with_name("rephrasings.toml")
_QUOTED = re.compile(
    r"""["“”„][^"“”„]*(?:["“”„]|\Z) | «[^»]*(?:»|\Z)             # one that never ends goes to the text's end
    | ``.+?(?:''|``|\Z) | `[^`]+?(?:`|'(?!\w)|\Z)               # as typesetters write them, and code
    | ‘(?:[^‘’]|(?<=\w)’(?=\w))*(?:’|\Z) | (?<!\w)'[^']*'(?!\w)""",
    re.VERBOSE | re.DOTALL,
)
_CODE = re.compile(
    r"""```.*?(?:```|\Z) | ~~~.*?(?:~~~|\Z)                                                    # a block of code
    | ^(?:[ ]{4}|\t)[^\n]*$                                                                    # a line of it
    | ^[^\n]*(?:[{}] | ;[ ]*$ | => | -> | == | \w\(\) | [\w)\]][ ]?[+*/]?=[ ]?[\w("'\[])[^\n]*$
    | ^[ ]*(?:def|class|import|return|SELECT|\#include)\b[^\n]*$
    | ^[ ]*(?:if|elif|else|while|for|try|except|with|unless|switch|case)\b[^\n]*:(?:[ ][^\n]*)?$     # a statement, with what it does
    | \b(?i:select)\b[^\n]*\b(?i:from)\b[^\n]*\b(?i:where|order[ ]by|group[ ]by|limit)\b[^\n]* | \b(?:WHERE|AND|OR|SET)[ ]\w+[ ][^\n]*
    | \bis[ ]not[ ](?:None|null|NULL|nil|True|False|true|false|undefined|NaN)\b
    | \S*[^\W\d],\w\S*                                                                        # a row of a file
    | \S*(?:://|www\.|@|\\|_)\S* | \S*\w\(\S*\)\S* | (?<!\S)/\S+                               # an address, a call, a path""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_VERB_BEHIND = re.compile(r"<x> [\w<]")
"""In a form that says its verb behind what is asked for."""
_CLAUSE = re.compile(r"\b(?:which|whose|who|whom|that|where|when)\b")
"""In a phrase with a verb of its own: another behind it is hard to read ("the country in which Bremen lies is")."""
_HEAD = re.compile(
    r"(?:the|its|his|her|their) (?P<words>.+?)(?= (?:of|in|with|to|for|on|at|by|from|and|or|that|who|which|whose|where)\b|,|$)"
)
"""Of a noun phrase, what stands before its noun, and the noun."""
_BESIDE_IT = frozenset(["big", "whole", "real", "earthly"])
"""What may stand before a noun that is asked for as a whole."""
_OF_A_PERSON = re.compile(r"\w+(?:er|or|ist|ian|ess|ant|ent|man|woman|eer|ee)s?")
"""How nouns of persons mostly end."""
_IS_CALLED = re.compile(r"\b(?:called|named)\b")
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_NEXT_WORD = re.compile(r"\s+([A-Za-z]+)")
_OF_A_NOUN = frozenset(["a", "an", "the", "my", "your", "his", "her", "its", "our", "their"])
"""Before a word that stands by a noun ("an often lethal blow") or is one."""
_BE = frozenset(["am", "is", "are", "was", "were", "be", "been", "being", "most"])
"""Before a participle ("he was wanted to testify"): of a verb that is exchanged only where it acts."""
_BEFORE_NOT = frozenset(["to", "can", "could", "may", "might", "must", "shall", "should", "will", "would"])
"""Before what is no clause of its own ("he may have not known"): nothing is contracted there."""

Span = tuple[int, int]
"""Start and end character."""


class Table(NamedTuple):
    """The table, ready for use."""

    words: re.Pattern[str]
    """Matches every phrase that is in a group, the longest first."""
    others: dict[str, tuple[str, ...]]
    """Phrase -> the others of its group."""
    set_phrases: re.Pattern[str]
    """Matches phrases in which no word may be another."""
    own_names: frozenset[str]
    """Nouns with which "the noun of a name" is what is so named."""
    asked_as_a_whole: frozenset[str]
    """Nouns that are asked for by themselves in questions that nothing is told to."""
    persons: frozenset[str]
    """Nouns of persons that do not look like it."""
    other_sense: dict[str, frozenset[str]]
    """How words begin -> words of a text in which they mean something else."""
    works_on_words: re.Pattern[str]
    """Matches the begin of a task that works on the words of a text."""
    labels_of_style: frozenset[str]
    """Words of labels of how a text is written."""
    about_words: frozenset[str]
    """Words that show that a text may be about its own words."""
    questions: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]
    """Pattern of a whole question -> its other forms."""
    blanks: tuple[str, ...]
    """Forms that ask to fill a gap in `<sentence>`."""


@cache
def table() -> Table:
    """Read the table, once."""
    document = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    others: dict[str, tuple[str, ...]] = {}
    for group in document["interchangeable"]:
        others |= {phrase: tuple(other for other in group if other != phrase) for phrase in group}
    for phrase, other in document["one_way"]:
        others[phrase] = (other,)
    longest_first = sorted(others, key=lambda phrase: (-len(phrase), phrase))
    return Table(
        # Lower case only: a capital may begin a name.
        words=re.compile(r"(?<![\w'’-])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w'’-])"),
        others=others,
        set_phrases=re.compile(r"\b(?:" + "|".join(map(re.escape, document["set_phrases"])) + r")\b", re.IGNORECASE),
        own_names=frozenset(document["own_names"]),
        asked_as_a_whole=frozenset(document["asked_as_a_whole"]),
        persons=frozenset(document["persons"]),
        other_sense={begin: frozenset(beside) for begin, beside in document["other_sense"].items()},
        works_on_words=_begin_of_work(document["works_on_words"], document["works_on_what_follows"]),
        labels_of_style=frozenset(document["labels_of_style"]),
        about_words=frozenset(document["about_words"]),
        questions=tuple((re.compile(entry["pattern"]), tuple(entry["forms"])) for entry in document["questions"]),
        blanks=tuple(form for entry in document["blanks"] for form in entry["forms"]),
    )


def _begin_of_work(verbs: Collection[str], before_a_colon: Collection[str]) -> re.Pattern[str]:
    anywhere, behind = ("|".join(map(re.escape, words)) for words in (verbs, before_a_colon))
    asked = r"(?:please |kindly |now |can you |could you )*"
    return re.compile(rf"\s*{asked}(?:(?:{anywhere})\b|(?:{behind})\b[^\n:]*[:\n])", re.IGNORECASE)


def question_forms(question: str) -> Iterator[str]:
    """A question in the other forms that the table has for it; none where it fits no pattern."""
    text = question.strip()
    for pattern, forms in table().questions:
        if (found := pattern.fullmatch(text)) and _is_whole(found):
            yield from (_filled(form, found.groupdict()) for form in forms if _fits_form(form, found.groupdict().get("x") or ""))


def _fits_form(form: str, asked: str) -> bool:
    """Whether a form suits what is asked: no verb behind a clause or a comma, and no "what is" for a person or for several."""
    if form.startswith("What is") and not _is_a_thing(asked):
        return False
    return not (_VERB_BEHIND.search(form) and (_CLAUSE.search(asked) or "," in asked))


def _is_a_thing(asked: str) -> bool:
    """Whether one thing is asked for, and neither a person nor several."""
    noun = _head(asked)[-1:]
    if not noun:
        return True
    is_plural = noun[0].endswith("s") and not noun[0].endswith(("ss", "us", "is"))
    return not (is_plural or noun[0] in table().persons or _OF_A_PERSON.fullmatch(noun[0]))


def _head(phrase: str) -> list[str]:
    """The noun of a phrase with what stands before it, without its article."""
    found = _HEAD.match(phrase)
    return found["words"].lower().split() if found else []


def _is_whole(found: re.Match[str]) -> bool:
    """Whether what moves within the sentence is one noun phrase: "Who is able to help?" has none, nor "What are the ducks called?"."""
    if "x" not in found.re.groupindex:
        return True
    words = [word for word in _head(found["x"]) if word not in _BESIDE_IT]
    if len(words) == 1 and words[0] in table().asked_as_a_whole:
        return False
    return not _IS_CALLED.search(found["x"]) and is_phrase(found.string, *found.span("x"))


def with_other_words(text: str, keep: Collection[Span]) -> Iterator[str]:
    """The text with one interchangeable word exchanged at a time, outside quotations and the spans to `keep`."""
    rules = table()
    if is_about_words(text):
        return
    kept = [*keep, *untouchable(text)]
    for match in rules.words.finditer(text):
        # "Anyone of you" is written for "any one of you": what is followed by "of" means something else than by itself.
        if not overlaps(match.span(), kept) and not text.startswith(" of ", match.end()) and not _belongs_to_its_neighbours(text, match):
            before = text[: match.start()].split()[-1:]
            others = [other for other in rules.others[match.group()] if other.split()[:1] != before and not is_said(text, other)]
            yield from (text[: match.start()] + other + text[match.end() :] for other in others)


def _belongs_to_its_neighbours(text: str, match: re.Match[str]) -> bool:
    """Whether a word or phrase stands by a noun, in an infinitive, or within a name ("From Dusk Till Dawn", written with a small t)."""
    before, after = text[: match.start()].split()[-1:], text[match.end() :].split()[:1]
    near = [word.lstrip("([") for word in (*before, *after)]
    last = near[0].lower() if before else ""
    is_in_name = len(near) == 2 and all(word[:1].isupper() and word != "I" for word in near)
    is_passive = last in _BE and match.group() in ("wanted to", "tried to", "attempted to", "wished to")
    follows = _NEXT_WORD.match(text, match.end())
    by_a_noun = match.group() in ("each other", "one another") and follows is not None and follows[1].lower() not in FUNCTION_WORDS
    return is_in_name or is_passive or by_a_noun or last in _OF_A_NOUN or (last in _BEFORE_NOT and match.group().endswith(" not"))


def is_about_words(text: str) -> bool:
    """Whether a text may be about its own words, so that none of them is interchangeable."""
    is_worked_on = table().works_on_words.match(text) is not None
    return is_worked_on or any(word.group().lower() in table().about_words for word in _WORD.finditer(text))


def is_of_style(labels: Collection[str]) -> bool:
    """Whether labels may tell how a text is written."""
    return any(word in table().labels_of_style for label in labels for word in re.findall(r"[a-z]+", label.lower()))


def is_said(text: str, other: str) -> bool:
    """Whether a text has the other word too, in some form: it may set the two apart ("all physicians are doctors"). Not so contractions."""
    if "n't" in other:
        return False
    stems = [stem(word.group().lower()) for word in _WORD.finditer(text)]
    wanted = [stem(word) for word in other.split()]
    return any(stems[at : at + len(wanted)] == wanted for at in range(len(stems)))


def has_other_sense(text: str, word: str) -> bool:
    """Whether a text has a word beside which this one means something else ("construct a triangle")."""
    beside = [words for begin, words in table().other_sense.items() if word.startswith(begin)]
    return any(not words.isdisjoint(found.group().lower() for found in _WORD.finditer(text)) for words in beside)


def untouchable(text: str) -> list[Span]:
    """Quotations, set phrases, and what looks like code, formulas and addresses."""
    return [*_begun_before(text), *(match.span() for each in (_QUOTED, _CODE, table().set_phrases) for match in each.finditer(text))]


def _begun_before(text: str) -> Iterator[Span]:
    """Up to the end of a quotation that began before the text, which is a part of another; all of one where nobody can tell."""
    if text.count('"') % 2:
        yield 0, len(text)
    for opening, closing in (("``", "''"), ("“„", "”")):
        depth = 0
        for mark in re.finditer(f"{opening}|{closing}" if len(closing) > 1 else f"[{opening}{closing}]", text):
            depth += -1 if mark.group() == closing else 1
            if depth < 0:
                depth = 0
                yield 0, mark.end()


def overlaps(span: Span, kept: Collection[Span]) -> bool:
    """Whether any letter of a span is to be kept."""
    start, end = span
    return any(start < last and first < end for first, last in kept)


def blanks(sentence: str) -> Iterator[str]:
    """Questions that ask what belongs in the gap of a sentence without its full stop."""
    for form in table().blanks:
        yield _filled(form, {"sentence": sentence[:1].upper() + sentence[1:]})


def _filled(form: str, parts: dict[str, str]) -> str:
    return re.sub(r"<(\w+)>", lambda slot: parts[slot.group(1)], form)
