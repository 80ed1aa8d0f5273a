"""A parsed text as plain lists: the rules look at each token many times, and spaCy's Token objects cost too much for that."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from typing import Any

from spacy.attrs import DEP, HEAD, SENT_START, TAG
from spacy.tokens import Doc

from feedback_node.extraction.lexicon import words
from feedback_node.extraction.spans import NUMBER

_TITLES = words("titles") | words("occupations")

_WRAP = 1 << 64  # spaCy gives the signed distance to the head as an unsigned number
_VERB_TAGS = frozenset({"VB", "VBD", "VBG", "VBN", "VBP", "VBZ"})
_NAME_TAGS = frozenset({"NNP", "NNPS"})
_NOUN_TAGS = frozenset({"NN", "NNS", "NNP", "NNPS"})


@dataclass(slots=True)
class Parse:
    """One text; per token: lower-case words, tag, dependency, head, children, characters, kind of run, a capital of its own."""

    text: str
    low: list[str]
    tag: list[str]
    dep: list[str]
    head: list[int]
    kids: list[list[int]]
    start: list[int]
    end: list[int]
    kind: list[str]
    cased: list[bool]
    sentences: list[tuple[int, int]]

    def hang(self, at: int, head: int, dep: str) -> None:
        """Hang a token, with all below it, on another head; on itself, it is a root."""
        if self.head[at] != at:
            self.kids[self.head[at]].remove(at)
        self.head[at], self.dep[at] = head, dep
        if head != at:
            insort(self.kids[head], at)

    def child(self, at: int, *deps: str) -> int | None:
        """The first child with one of these dependencies."""
        for kid in self.kids[at]:
            if self.dep[kid] in deps:
                return kid
        return None

    def is_verb(self, at: int) -> bool:
        """Whether the token is a verb form."""
        return self.tag[at] in _VERB_TAGS

    def is_noun(self, at: int) -> bool:
        """Whether the token is a noun or a merged run."""
        return bool(self.kind[at]) or self.tag[at] in _NOUN_TAGS

    def is_name(self, at: int) -> bool:
        """Whether the token is a proper name: a merged one, or a word in upper case."""
        if self.kind[at]:
            return self.kind[at] != NUMBER
        return self.tag[at] in _NAME_TAGS or (self.cased[at] and self.tag[at] not in _VERB_TAGS)

    def is_common(self, at: int) -> bool:
        """Whether the token is a common noun in lower case."""
        return not self.kind[at] and self.tag[at] in _NOUN_TAGS and (not self.cased[at] or self.low[at] in _TITLES)


def read_doc(doc: Doc, labels: dict[int, str]) -> Parse:
    """Lists out of a parsed Doc; `labels` caches the strings of spaCy's ids."""
    rows: list[list[int]] = doc.to_array([HEAD, DEP, TAG, SENT_START]).tolist()
    places: list[tuple[int, int, str]] = doc.user_data["places"]
    text: str = doc.user_data["text"]
    strings: Any = doc.vocab.strings
    count = len(rows)
    parse = Parse(text, [], [], [], [], [[] for _ in range(count)], [], [], [], [], [])
    bounds: list[int] = []
    for at, (offset, dep, tag, opens) in enumerate(rows):
        for key in (dep, tag):
            if key not in labels:
                labels[key] = strings[key]
        offset -= _WRAP if offset >= _WRAP >> 1 else 0
        begin, end, kind = places[at]
        parse.low.append(text[begin:end].lower())
        parse.tag.append("NNP" if kind in ("name", "quote") else labels[tag])
        parse.dep.append(labels[dep])
        parse.head.append(at + offset)
        if offset:
            parse.kids[at + offset].append(at)
        parse.start.append(begin)
        parse.end.append(end)
        parse.kind.append(kind)
        parse.cased.append(text[begin].isupper() and not (opens == 1 and parse.tag[at] in ("NN", "NNS")))
        if opens == 1:
            bounds.append(at)
    if count and (not bounds or bounds[0] != 0):
        bounds.insert(0, 0)
    parse.sentences = list(zip(bounds, [*bounds[1:], count], strict=True)) if count else []
    return parse
