"""A parsed text as plain lists: the rules look at each token many times, and spaCy's Token objects cost too much for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spacy.attrs import DEP, HEAD, SENT_START, TAG
from spacy.tokens import Doc

from feedback_node.extraction.lexicon import words
from feedback_node.extraction.spans import NUMBER

_TITLES = words("titles")
_VERB_FORMS = words("verb_forms")

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


def _mend_tags(parse: Parse) -> None:
    """A "noun" with an object of its own is a verb ("and cost 150,000 pounds")."""
    for at, dep in enumerate(parse.dep):
        head = parse.head[at]
        if dep == "ROOT" and parse.tag[at] == "NNS" and not parse.kind[at]:
            _mend_root(parse, at)
        if dep == "dobj" and at > head and parse.tag[head] in ("NN", "NNS") and not parse.kind[head]:
            parse.tag[head] = "VBZ"
        if parse.low[at] in _VERB_FORMS and parse.tag[at] == "NNS" and dep in ("conj", "ROOT") and at + 1 < len(parse.dep):
            parse.tag[at] = "VBZ"
        if dep == "dobj" and at > 2:
            _mend_apposed_object(parse, at)
        if dep == "appos" and _is_measured(parse, at) and _is_measured(parse, head):
            parse.dep[at] = "conj"  # "has a length of 9 m, a width of 2 m and a height of 3 m"
        if dep in ("prep", "dep") and parse.tag[at] == "VBN" and at > 1 and parse.low[at - 1] == "," and parse.kind[at - 2] == "name":
            _move(parse, at, at - 2, "acl")  # "by the federation X, based in Y": X is based there


def _is_measured(parse: Parse, at: int) -> bool:
    """Whether a common noun has its number: "a length of 9 m"."""
    link = parse.child(at, "prep")
    value = parse.child(link, "pobj") if link is not None and parse.low[link] == "of" else None
    return parse.is_common(at) and value is not None and (parse.kind[value] == NUMBER or parse.tag[value] == "CD")


def _mend_apposed_object(parse: Parse, at: int) -> None:
    """For "released X, an album by Y" with "album" taken for the object and X for something else of the verb: X is the object."""
    det = parse.child(at, "det")
    if det is None or parse.low[det] not in ("a", "an", "the") or parse.low[det - 1] != "," or not parse.is_common(at):
        return
    name = det - 2
    if parse.is_name(name) and parse.head[name] == parse.head[at] < name:
        parse.dep[name] = "dobj"
        _move(parse, at, name, "appos")


def _move(parse: Parse, at: int, head: int, dep: str) -> None:
    """Hang a token, with all below it, on another head."""
    parse.kids[parse.head[at]].remove(at)
    parse.head[at], parse.dep[at] = head, dep
    parse.kids[head] = sorted([*parse.kids[head], at])


def _mend_root(parse: Parse, at: int) -> None:
    """For "Peru borders Chile" and "the Danube empties into Y", their verb taken for a noun."""
    left = [kid for kid in parse.kids[at] if kid == at - 1 and parse.is_name(kid)]
    right = [kid for kid in parse.kids[at] if kid > at and parse.is_name(kid)]
    if left and right and parse.kids[at][0] == left[0]:
        parse.tag[at] = "VBZ"
        parse.dep[left[0]] = "nsubj"
        parse.dep[right[0]] = "dobj"
    elif left and parse.dep[at - 1] == "compound" and at + 1 < len(parse.dep) and parse.dep[at + 1] == "prep" and parse.head[at + 1] == at:
        parse.tag[at], parse.dep[at - 1] = "VBZ", "nsubj"  # "the river X empties into Y"


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
    _mend_tags(parse)
    if count and (not bounds or bounds[0] != 0):
        bounds.insert(0, 0)
    parse.sentences = list(zip(bounds, [*bounds[1:], count], strict=True)) if count else []
    return parse
