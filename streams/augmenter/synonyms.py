"""Another word of the same sense, part of speech and inflection, by a table (`synonyms.tsv`) that was made of WordNet and read by a person.

The table holds pairs that mean the same wherever the first sense of both is meant, and that is what the words nearly always mean. Which
word may stand in a place is decided by the parse: no part of a name, a compound or a phrasal verb, no verb with a clause as its object, and
nothing after which the rest of the sentence would be read in another way (`reading`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from streams.augmenter.reading import Reading, Token, read
from streams.augmenter.rephrasing import Span, has_other_sense, is_about_words, is_said, overlaps, untouchable

TABLE = Path(__file__).with_name("synonyms.tsv")
OF_A_VERB = frozenset({"prt", "xcomp", "ccomp", "dative", "oprd", "acomp"})
"""What a verb takes in a way of its own: another verb may not."""
PREPOSITIONS = frozenset(["in", "at", "by", "from", "during", "after", "before", "since", "near", "within"])
"""Those that say where and when, with any verb; "on" often belongs to the verb ("gaze on")."""
OBJECTS = frozenset({"dobj", "nsubjpass", "relcl", "acl"})
"""What shows that a verb has an object, or is passive, or stands by a noun that is its object."""
WITHOUT_OBJECT = ("happen", "occur", "gaze", "stare", "star", "gaz", "roam", "wander", "cooperat", "collaborat")
"""How the verbs of the table begin that never have an object. All others are exchanged only where they have one ("let me finish")."""
DETERMINED_BY = frozenset({"det", "poss", "nummod", "predet"})
"""Of a singular noun: without one it may be part of a phrase of its own."""
WRITTEN = frozenset(
    ["book", "books", "novel", "novels", "poem", "poems", "story", "stories", "play", "plays", "essay", "essays", "text", "texts"]
)
"""What an author is the writer of."""
CONTRASTS = frozenset(["not", "n't", "n’t", "no", "never", "neither", "nor", "or", "but", "than", "rather", "except", "without", "only"])
"""In a text that denies something, or sets it apart from something."""
NOT_ALONE = frozenset({"compound", "amod", "nmod", "poss", "npadvmod", "det"})
"""Relations in which a noun is part of another's name."""


@cache
def table() -> dict[tuple[str, str], tuple[str, ...]]:
    """(tag, form) -> other forms."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            tag, form, other = line.split("\t")
            found.setdefault((tag, form), []).append(other)
            if tag == "VB":  # the base form stands in the present, too
                found.setdefault(("VBP", form), []).append(other)
    return {key: tuple(dict.fromkeys(others)) for key, others in found.items()}


def with_synonyms(text: str, keep: Collection[Span]) -> Iterator[str]:
    """The text with one word exchanged at a time, outside names, numbers, quotations, code and the spans to `keep`."""
    if is_about_words(text):
        return
    kept = [*keep, *untouchable(text)]
    tokens = read(text)
    for number, token in enumerate(tokens):
        others = table().get((token.tag, token.text), ())
        if others and not token.is_named and not overlaps((token.start, token.end), kept) and _stands_alone(tokens, number):
            for other in others:
                if _fits_article(tokens, number, other) and _means_the_same(text, tokens, token, other):
                    yield text[: token.start] + other + text[token.end :]


def _means_the_same(text: str, tokens: Reading, token: Token, other: str) -> bool:
    """Whether a text sets no two words apart: it has not the other one, and denies or compares nothing where the other one says more.

    "They are no attorneys but solicitors" is true where "they are no lawyers" is not.
    """
    is_wider = token.tag.startswith("N") and token.text not in table().get((token.tag, other), ())
    denies = is_wider and any(one.text.lower() in CONTRASTS for one in tokens)
    return not denies and not is_said(text, other) and not has_other_sense(text, token.text)


def _stands_alone(tokens: Reading, number: int) -> bool:
    token = tokens[number]
    of_it = [other for at, other in enumerate(tokens) if other.head == number and at != number]
    if (
        _is_repeated(tokens, number)
        or _touches_hyphen(tokens, number)
        or any(near.tag.startswith("NNP") for near in tokens[max(0, number - 1) : number + 2])
    ):
        return False
    if token.tag.startswith("N"):
        after = tokens[number + 1].tag if number + 1 < len(tokens) else ""
        is_bare = token.tag == "NN" and not any(other.relation in DETERMINED_BY for other in of_it)  # "in store", "by bike"
        in_compound = after.startswith("N") or any(other.relation == "compound" for other in of_it)
        return token.relation not in NOT_ALONE and not is_bare and not in_compound and not _is_maker(tokens, number)
    if token.tag.startswith("V"):
        takes_more = any(other.relation in OF_A_VERB or _is_of_the_verb(other) for other in of_it)
        return not takes_more and token.relation not in NOT_ALONE and _has_its_object(token, of_it)
    if token.tag == "RB":  # "substantially on these terms", "substantially all" are another sense
        return not any(other.relation in ("prep", "neg") for other in of_it) and tokens[token.head].tag not in ("IN", "DT", "PDT")
    return True


def _is_maker(tokens: Reading, number: int) -> bool:
    """Whether an author may be one of a program, a study or an accident: of nothing that is known to be written, as far as words tell."""
    if not tokens[number].text.startswith("author"):
        return False
    of_it = [at for at, other in enumerate(tokens) if other.head == number and other.relation == "prep"]
    made = [other for other in tokens if other.relation == "pobj" and other.head in of_it]
    return not made or any(not other.text[:1].isupper() and other.text not in WRITTEN for other in made)


def _has_its_object(verb: Token, of_it: Collection[Token]) -> bool:
    return verb.text.startswith(WITHOUT_OBJECT) or verb.relation in OBJECTS or any(other.relation in OBJECTS for other in of_it)


def _is_of_the_verb(token: Token) -> bool:
    return token.relation == "prep" and token.text.lower() not in PREPOSITIONS


def _is_repeated(tokens: Reading, number: int) -> bool:
    """ "Bigger and bigger"."""
    return any(
        near.text.lower() == tokens[number].text.lower()
        for near in (*tokens[max(0, number - 2) : number], *tokens[number + 1 : number + 3])
    )


def _touches_hyphen(tokens: Reading, number: int) -> bool:
    return any(near.text in ("-", "–", "/", "'s", "’s") and near.relation != "case" for near in tokens[max(0, number - 1) : number + 2])


def _fits_article(tokens: Reading, number: int, other: str) -> bool:
    """Whether an "a" or "an" before the word stays right."""
    before = tokens[number - 1].text.lower() if number else ""
    return before not in ("a", "an") or (before == "an") == (other[0] in "aeio")
