"""What English does to the words of a relation: which of them carry no meaning, and how a verb is inflected.

Words of the language only; words of a domain are data of the ontology.
"""

from __future__ import annotations

COPULAS = frozenset(["is", "are", "was", "were", "be", "been", "being", "am", "'s", "isn't"])
"""Forms of "to be"."""
HAVE = frozenset(["has", "have", "had", "having"])
"""Forms of "to have"."""
ARTICLES = frozenset(["the", "a", "an", "this", "that", "its", "their", "his", "her"])
"""Articles and determiners that stand before a relation noun."""
FILLERS = frozenset(
    "also currently now today presently officially actually indeed still famous official current present actual "  # noqa: SIM905
    "primarily mainly mostly originally generally commonly very own respective sole only".split()
)
"""Adverbs and adjectives that leave a relation what it is. ("former", "second" and "largest" change it, and are not here.)"""

_IRREGULAR = """
be was were been|bear bore born borne|become became|begin began begun|bind bound|break broke broken|bring brought|build built|buy bought
choose chose chosen|come came|draw drew drawn|drive drove driven|fall fell fallen|feed fed|fight fought|find found|fly flew flown
found founded|get got gotten|give gave given|go went gone|grow grew grown|have had has|hold held|keep kept|know knew known|lead led
leave left|lend lent|lie lay lain lying|lose lost|make made|mean meant|meet met
pay paid|read read|rise rose risen|run ran|say said|see saw seen
sell sold|send sent|set set|shake shook shaken|sing sang sung
sit sat|speak spoke spoken|spend spent|stand stood|steal stole stolen|swim swam swum
take took taken|teach taught|tell told|think thought|throw threw thrown|understand understood|wear wore worn|win won|write wrote written
"""
_FORMS = {line.split()[0]: tuple(line.split()) for block in _IRREGULAR.strip().splitlines() for line in block.split("|")}
_VOWELS = "aeiou"


def inflections(verb: str) -> frozenset[str]:
    """All forms of a verb that may stand in a text: `write` -> write, writes, wrote, written, writing."""
    lemma = verb.lower()
    stem = lemma.removesuffix("e") if lemma.endswith("e") and not lemma.endswith(("ee", "ye", "oe")) else lemma
    consonant_y = lemma.endswith("y") and lemma[-2:-1] not in _VOWELS
    sibilant = lemma.endswith(("s", "x", "z", "ch", "sh"))
    third = lemma[:-1] + "ies" if consonant_y else lemma + ("es" if sibilant or lemma.endswith("o") else "s")
    forms = {lemma, third, stem + "ing", *_FORMS.get(lemma, ())}
    doubled = len(lemma) > 2 and lemma[-1] not in _VOWELS + "wxy" and lemma[-2] in _VOWELS and lemma[-3] not in _VOWELS
    if doubled:
        forms |= {lemma + lemma[-1] + "ing"}
    if lemma not in _FORMS:
        forms |= {lemma[:-1] + "ied" if consonant_y else stem + "ed"}
        if doubled:
            forms |= {lemma + lemma[-1] + "ed"}
    return frozenset(forms)
