"""What English does to the words of a relation and of a noun phrase: which carry no meaning, which change it, how a verb is inflected.

Words of the language only; words of a domain are data of the ontology.
"""

from __future__ import annotations

from functools import lru_cache


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


COPULAS = _set("is are was were be been being am")
"""Forms of "to be"."""
HAVE = _set("has have had having")
"""Forms of "to have"."""
DETERMINERS = _set("the a an this that its their his her our")
"""Words that open a noun phrase."""
INDEFINITE = _set("a an")
"""Determiners that open a description rather than a name."""
COURTESIES = _set("sir dame dr doctor prof professor mr mister mrs ms miss")
"""Said before anybody's name, and never a part of it."""
RANKS = _set(
    """lord lady king queen emperor empress prince princess duke duchess baron baroness count countess president chancellor senator captain
    major colonel general admiral lieutenant pope saint cardinal bishop archbishop father sister reverend rev"""
)
"""Said before a name, and of some names a part: "Queen Victoria" may be another than Victoria."""
FILLERS = _set(
    """also currently now today presently officially actually indeed still famous official current present actual primarily mainly mostly
    approximate exact precise estimated originally generally commonly very own respective sole only primary main"""
)
"""Adverbs and adjectives that leave a relation what it is. ("former", "second" and "largest" change it, and are not here.)"""
PARTITIVE = frozenset(
    {
        "part",
        "parts",
        "side",
        "half",
        "coast",
        "coasts",
        "shore",
        "shores",
        "region",
        "area",
        "corner",
        "centre",
        "center",
        "middle",
        "heart",
        "mainland",
        "interior",
        "edge",
        "tip",
        "portion",
        "end",
    }
)
"""Nouns whose "N of X" lies in X: what is in the southern part of X is in X."""
WIDESPREAD = _set("used common commonly widely most popular accepted usual standard circulating")
"""Words before a relation noun that say how usual the thing is ("most widely used"). Elsewhere they have a meaning ("is used in")."""
FUNCTION_WORDS = _set(
    """i me my we us our you your he him his she her it its they them their who whom whose which what this that these those there here
    a an the and or nor but so if as at by for from in into of off on onto out over to up with than then when where while why how
    am is are was were be been do does did has have had can could may might must shall should will would not no yes all any some one"""
)
"""Words that a name in a text may look like; there they are names only where written in capitals."""
PRONOUNS = _set(
    """i you he it she we they me him her us them this that these those there here which what who one none nothing nobody everything
    everyone someone something anything unknown various several many some all both either neither another other others each"""
)
"""Words that stand for something without naming it."""
SMALL_WORDS = _set("of at the de del della la las le les el al du des di da do dos das von van der den bin ibn y e i und et")
"""Words inside a proper name that are not written with a capital."""
CHANGING = _set(
    """former formerly ancient old historic historical past future first second third last next new greater upper lower outer inner near
    nearby non ex half part parts rest side middle centre center edge outskirts surroundings north south east west northern southern
    eastern western central most least largest smallest biggest name history people end beginning top bottom heart"""
)
"""Words that make another thing of the name they stand by ("the outskirts of ...", "former ...")."""

NAMED_WITH_ARTICLE = _set(
    """republic kingdom union federation confederation commonwealth empire states emirates islands isles nations league treaty river sea
    ocean gulf strait channel canal desert peninsula mountains alps hotel museum theatre theater bank company society association committee
    council army navy war church house times post"""
)
"""Nouns after which a name that ends with one has "the" before it ("the Czech Republic")."""

NAMED_OF = _set("republic kingdom union federation commonwealth empire isle state university bank bay gulf duchy principality")
"""Nouns that begin a name with "of" and "the" before it ("the Isle of Man"); others may be a person's or a title ("Anne of Cleves")."""
COMMON_LAST = _set(
    """line bridge tower railway prize award cup act group festival building palace project program programme office station airport
    university college institute agency party club centre center road street park square hall gate highway trail valley plain falls dam
    mine forest"""
)
"""Nouns after which some names have "the" before them and others not ("the Amber Line", "Tower Bridge")."""

_IRREGULAR = """
be was were been|bear bore born borne|become became|begin began begun|bind bound|break broke broken|bring brought|build built|buy bought
choose chose chosen|come came|draw drew drawn|drive drove driven|fall fell fallen|feed fed|fight fought|find found|fly flew flown
found founded|get got gotten|give gave given|go went gone|grow grew grown|have had has|hold held|keep kept|know knew known|lead led
leave left|lend lent|lie lay lain lying|lose lost|make made|mean meant|meet met|pay paid|read read|rise rose risen|run ran|say said
see saw seen|sell sold|send sent|set set|shake shook shaken|sing sang sung|sit sat|speak spoke spoken|spend spent|stand stood
steal stole stolen|swim swam swum|take took taken|teach taught|tell told|think thought|throw threw thrown|understand understood
wear wore worn|win won|write wrote written
"""
_FORMS = {entry.split()[0]: tuple(entry.split()) for line in _IRREGULAR.strip().splitlines() for entry in line.split("|")}
_VOWELS = "aeiou"
_REMEMBERED = 8192
"""Words whose forms are kept."""


def takes_article(name: str) -> bool | None:
    """Whether a proper name has "the" before it in a sentence; None where that cannot be told from the name (USA, Maldives, Athens)."""
    words = name.replace(",", " ").split()
    if not words or words[0].lower() in DETERMINERS or "(" in name:
        return None
    is_short = name.replace(".", "").isupper() and len(name) <= 6
    looks_plural = len(words) == 1 and name.endswith("s") and not name.endswith(("ss", "us", "is"))
    if is_short or looks_plural or words[-1].islower() or (len(words) > 1 and words[-1].lower() in COMMON_LAST):
        return None
    if "of" in words[1:]:
        return True if words[0].lower() in NAMED_OF else None
    return words[-1].lower() in NAMED_WITH_ARTICLE


@lru_cache(maxsize=_REMEMBERED)
def base_forms(form: str) -> frozenset[str]:
    """The verbs that a form may be of: "came" -> come; "joined" -> join, joine. Those that are none do no harm where they are looked up."""
    found = {lemma for lemma, forms in _FORMS.items() if form in forms}
    if form.endswith("ed") and len(form) > 4:
        found |= {form[:-2], form[:-1]}
    if form.endswith("s") and not form.endswith("ss") and len(form) > 3:
        found |= {form[:-3] + "y"} if form.endswith("ies") else {form[:-1], form[:-2]} if form.endswith("es") else {form[:-1]}
    return frozenset(found)


@lru_cache(maxsize=_REMEMBERED)
def stem(word: str) -> str:
    """What the forms of a word have in common: "flows", "flowed", "flowing" -> flow; "wrote" -> writ. No word, mostly."""
    word = _LEMMAS.get(word, word)
    for ending in ("ies", "ied", "ing", "ed", "es", "s", "e", "y"):
        if ending == "y" and word[-2:-1] in _VOWELS:
            return word  # "play", "valley", as of "played", "valleys"
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):
            cut = word.removesuffix(ending)
            return cut[:-1] if ending in ("ing", "ed") and cut[-1] == cut[-2] and cut[-1] not in "ls" else cut
    return word


def inflections(verb: str) -> frozenset[str]:
    """All forms of a verb that may stand in a text: `write` -> write, writes, wrote, written, writing."""
    lemma = verb.lower()
    stem = lemma.removesuffix("e") if len(lemma) > 2 and lemma.endswith("e") and not lemma.endswith(("ee", "ye", "oe")) else lemma
    consonant_y = lemma.endswith("y") and lemma[-2:-1] not in _VOWELS
    sibilant = lemma.endswith(("s", "x", "z", "ch", "sh", "o"))
    third = lemma[:-1] + "ies" if consonant_y else lemma + ("es" if sibilant else "s")
    forms = {lemma, third, stem + "ing", *_FORMS.get(lemma, ())}
    doubled = len(lemma) > 2 and lemma[-1] not in _VOWELS + "wxy" and lemma[-2] in _VOWELS and lemma[-3] not in _VOWELS
    if doubled:
        forms.add(lemma + lemma[-1] + "ing")
    if lemma not in _FORMS:
        forms.add(lemma[:-1] + "ied" if consonant_y else stem + "ed")
        if doubled:
            forms.add(lemma + lemma[-1] + "ed")
    return frozenset(forms)


_LEMMAS = {form: lemma for lemma in reversed(_FORMS) for form in inflections(lemma)}
