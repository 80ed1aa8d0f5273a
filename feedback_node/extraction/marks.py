"""Which claims a text denies, doubts, or only asks about."""

from __future__ import annotations

from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse

_DOUBT_MODALS = words("doubt_modals")
_DOUBT_VERBS = words("doubt_verbs")
_DOUBT_WORDS = words("doubt_words")
_DOUBT_NOUNS = words("doubt_nouns")
_NEGATIONS = words("negations")

_DOUBT = _DOUBT_WORDS | _DOUBT_VERBS
_BREAKS = frozenset({",", "-", "–", "—"})
_ONLY = frozenset({"only", "sole", "single"})
_UP = frozenset({"ccomp", "xcomp", "advcl", "relcl", "acl", "pcomp", "conj", "aux", "parataxis", "csubj", "attr", "acomp", "dep"})


def is_question(parse: Parse, first: int, last: int) -> bool:
    """Whether a sentence asks."""
    return any(parse.low[at].endswith("?") for at in range(max(first, last - 3), last))


def negated(parse: Parse, verb: int) -> bool:
    """Whether the clause of a verb is denied: "is not", "never", "no ingredient of", "it is false that"."""
    for kid in parse.kids[verb]:
        if parse.dep[kid] == "attr" and any(parse.low[word] in _ONLY for word in parse.kids[kid]):
            return False  # "X is not the only N": it is one
    for kid in parse.kids[verb]:
        if parse.dep[kid] == "neg" or (parse.low[kid] in _NEGATIONS and not _answers_no(parse, kid)):
            return True
        if parse.dep[kid] in ("nsubj", "nsubjpass", "dobj", "attr", "prep", "advmod") and _denies_below(parse, kid):
            return True
    return _under_denial(parse, verb)


def is_rather(parse: Parse, at: int) -> bool:
    """Whether "but rather" stands before a noun: what its clause denies is said of it after all."""
    return any(parse.low[word] == "rather" and "but" in parse.low[max(0, word - 2) : word] for word in range(max(0, at - 6), at))


def _answers_no(parse: Parse, at: int) -> bool:
    """For "No, X is in Y": it denies what was asked, not what follows."""
    return parse.low[at] == "no" and at + 1 < len(parse.low) and parse.low[at + 1] in (",", ".", "!", ";", "-", "–", "—", ":")


def _denies_below(parse: Parse, at: int) -> bool:
    return any(
        parse.low[kid] in _NEGATIONS
        and parse.dep[kid] in ("det", "neg", "preconj", "advmod")
        and not (kid > at and parse.low[kid - 1] in _BREAKS)
        for kid in parse.kids[at]
    )


def _under_denial(parse: Parse, verb: int) -> bool:
    """For "It is not true that X is Y", "X was not built to be Y": a clause that completes a denied one."""
    at = verb
    for _ in range(4):
        if parse.dep[at] not in ("ccomp", "xcomp", "acl", "pcomp", "csubj"):
            return False
        at = parse.head[at]
        if any(parse.dep[kid] == "neg" for kid in parse.kids[at]) or parse.low[at] in ("false", "untrue", "wrong"):
            return True
    return False


def hedged(parse: Parse, verb: int, first: int) -> bool:
    """Whether a clause is not the text's own word: modal verbs, "reportedly", "I think", "if", and what stands under them."""
    at = verb
    for _ in range(8):
        if _doubts_at(parse, at, asserted=at == verb):
            return True
        if parse.dep[at] not in _UP:
            break
        at = parse.head[at]
    return _opens_with_doubt(parse, verb, first)


def _doubts_at(parse: Parse, at: int, asserted: bool) -> bool:
    shown = parse.low[at][:6] == "appear" and parse.child(at, "prep") == at + 1  # "appeared in"
    if not asserted and ((parse.low[at] in _DOUBT_VERBS and not shown) or _is_only_said(parse, at)):
        return True
    for kid in parse.kids[at]:
        low = parse.low[kid]
        if parse.tag[kid] == "MD" and low in _DOUBT_MODALS:
            return True
        if low in _DOUBT_WORDS or (parse.dep[kid] == "mark" and low in ("if", "whether", "unless")):
            return True
        if parse.dep[kid] in ("ccomp", "parataxis") and low in _DOUBT_VERBS and _first_person(parse, kid):
            return True
    return False


def _is_only_said(parse: Parse, at: int) -> bool:
    """Whether what stands under a word is a myth or a claim: "the belief that", "it is a myth that", "legend has it that"."""
    said = [kid for kid in parse.kids[at] if parse.dep[kid] in ("attr", "nsubj")]
    return any(parse.low[word] in _DOUBT_NOUNS for word in (at, *said))


def _first_person(parse: Parse, verb: int) -> bool:
    subject = parse.child(verb, "nsubj")
    return subject is not None and parse.low[subject] in ("i", "we", "they", "some", "people", "many", "it")


def _opens_with_doubt(parse: Parse, verb: int, first: int) -> bool:
    """For "I am not sure, but …", "I think …": doubt said before the claim, in the same sentence, by the writer."""
    writer = False
    for at in range(first, verb):
        low = parse.low[at]
        if low in ("i", "we"):
            writer = True
        elif low in _DOUBT and (writer or low in ("reportedly", "allegedly", "perhaps", "maybe")):
            return True
    return False
