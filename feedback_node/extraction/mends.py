"""What a small parser gets wrong in ways that the words themselves show, mended in the parse before the rules read it."""

from __future__ import annotations

from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import participles, words
from feedback_node.extraction.named_nouns import CAST, mend_in_brackets, mend_named, mend_verb_between
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import same_thing
from feedback_node.extraction.spans import DATE, NUMBER

_VERB_FORMS = words("verb_forms")
_PLURAL_VERBS = frozenset({"star", "appear", "feature", "play", "hail", "compete"})
_CODE_NOUNS = words("code_nouns")
_MADE = frozenset(participles().values()) | CAST
_APPEARED = frozenset({"appeared", "appears", "starred", "stars", "played", "plays", "acted", "acts"})
_NEXT = frozenset({"followed", "preceded", "succeeded"})
_MADE_OR_NEXT = _MADE | _NEXT
_GOVERNED = frozenset({"led", "governed", "ruled", "inhabited", "populated"})
_HAVE = frozenset({"has", "have", "had"})
_OCCUPATIONS = words("occupations")
_BE = frozenset({"is", "was", "are", "were"})
_STANDS = frozenset({"located", "situated", "based", "headquartered"})
_NOT_SUBJECTS = frozenset({"npadvmod", "advmod", "dep", "nmod", "nsubj", "nsubjpass", "appos", "intj"})


def mend(parse: Parse) -> None:
    """Mend tags and heads in place."""
    last = len(parse.dep) - 1
    for at, dep in enumerate(parse.dep):
        head = parse.head[at]
        if parse.cased[at] and parse.low[at] in _OCCUPATIONS and not parse.kind[at] and parse.kind[min(at + 1, last)] == "name":
            parse.tag[at], parse.cased[at] = "NN", False  # "Director Ray Griggs"
        if parse.tag[at] in ("NN", "NNS") and not parse.kind[at]:
            _mend_noun(parse, at, head)
        elif parse.kind[at] == "name" and at:
            mend_named(parse, at)
        elif (
            parse.tag[at] == "JJ"
            and dep in ("pobj", "dobj", "nsubj")
            and parse.child(at, "det") is not None
            and parse.kind[min(at + 1, last)]
        ):
            parse.tag[at] = "NN"  # "the novel X"
        elif (
            parse.tag[at] == "JJ"
            and dep in ("appos", "attr")
            and parse.child(at, "det") is not None
            and parse.child(at, "prep") is not None
        ):
            parse.tag[at] = "NN"  # "X, a single by Y,"
        if dep == "dobj":
            if at > head and parse.tag[head] in ("NN", "NNS") and not parse.kind[head]:
                parse.tag[head] = "VBZ"  # a "noun" with an object of its own is a verb ("and cost 150,000 pounds")
            _mend_apposed_object(parse, at)
        elif dep == "appos":
            _mend_apposition(parse, at, head)
        elif dep == "npadvmod":
            _mend_list(parse, at, head)
        elif dep == "aux" and parse.low[at] in _HAVE and head > at and parse.is_common(head):
            _mend_having(parse, at, head)
        elif dep in ("aux", "auxpass") and parse.low[at] in _BE and head < at:
            _mend_late_copula(parse, at, head)
        elif parse.tag[at] in ("VBN", "VBG", "VBD") and at > 1:
            if parse.low[at - 1] == "(":
                mend_in_brackets(parse, at)
            _mend_participle(parse, at, parse.dep[at], parse.head[at])
        if dep == "conj" and parse.dep[head] == "appos" and parse.is_common(at) and parse.is_common(parse.head[head]):
            parse.hang(at, parse.head[head], "conj")  # "the family X, the order Y": two families' names are no list with a noun
        if parse.low[at] == "," and at and parse.tag[at - 1] in ("NNP", "NNPS") and at + 2 < len(parse.dep):
            _mend_opening_name(parse, at - 1, at + 1)
    for at, low in enumerate(parse.low):
        if low in _BE and at > 1 and parse.dep[at - 1] == "conj":
            _mend_shared_owner(parse, at)


def _mend_noun(parse: Parse, at: int, head: int) -> None:
    """A noun that is a verb, one that a code follows, and a measured thing hung on the unit before it."""
    low, dep = parse.low[at], parse.dep[at]
    if dep == "ROOT" and low in _PLURAL_VERBS and at and parse.dep[at - 1] == "conj" and parse.tag[min(at + 1, len(parse.tag) - 1)] == "IN":
        first = parse.head[at - 1]
        if parse.head[first] == at and parse.is_name(first):  # "X and Y star in Z"
            parse.tag[at], parse.dep[first] = "VBP", "nsubj"
            for kid in [kid for kid in parse.kids[at] if parse.dep[kid] == "acl" and parse.low[kid - 1] == "," and parse.is_name(kid - 2)]:
                parse.hang(kid, kid - 2, "acl")
    elif dep == "ROOT" and parse.tag[at] == "NNS":
        _mend_root(parse, at)
    if low in _VERB_FORMS and at + 1 < len(parse.dep):
        if (parse.tag[at] == "NNS" and dep in ("conj", "ROOT")) or (dep == "relcl" and at and parse.is_name(at - 1)):
            _mend_tag(parse, at)
        elif at and parse.is_name(at - 1) and dep in ("compound", "nsubj", "nsubjpass", "appos", "dobj", "nmod"):
            _mend_noun_as_verb(parse, at)
    elif low in _CODE_NOUNS and at > 1 and at + 1 < len(parse.dep):
        _mend_code(parse, at)
    if dep in ("conj", "appos") and _is_measured(parse, at):
        _mend_measured(parse, at, head)


def _mend_tag(parse: Parse, at: int) -> None:
    """A verb taken for a noun, with the noun before it for its subject and a measure behind it for its object."""
    parse.tag[at] = "VBZ"
    if at and parse.head[at - 1] == at and parse.dep[at - 1] == "compound":
        parse.dep[at - 1] = "nsubj"
        for kid in [kid for kid in parse.kids[at] if kid < at - 1 and parse.dep[kid] in ("poss", "det", "amod", "compound")]:
            parse.hang(kid, at - 1, parse.dep[kid])
    for kid in parse.kids[at]:
        if kid > at and parse.dep[kid] == "appos":
            parse.dep[kid] = "dobj"


def _is_measured(parse: Parse, at: int) -> bool:
    """Whether a common noun has its number: "a length of 9 m"."""
    link = parse.child(at, "prep")
    value = parse.child(link, "pobj") if link is not None and parse.low[link] == "of" else None
    return (
        parse.is_common(at)
        and value is not None
        and (parse.kind[value] == NUMBER or parse.tag[value] == "CD" or parse.child(value, "nummod") is not None)
    )


def _mend_measured(parse: Parse, at: int, head: int) -> None:
    """In "a length of 9 m, a width of 2 m and a height of 3 m" each is a conjunct of the first: none is an apposition or more units."""
    if _is_measured(parse, head) or (parse.is_common(head) and parse.dep[head] == "dobj" and parse.child(head, "det") is not None):
        parse.dep[at] = "conj"  # "has an engine of its own, a length of 9 m"
        return
    of = parse.head[head]
    if parse.dep[head] == "pobj" and parse.low[of] == "of" and parse.is_common(parse.head[of]) and _is_measured(parse, parse.head[of]):
        parse.hang(at, parse.head[of], "conj")


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


def _mend_noun_as_verb(parse: Parse, at: int) -> None:
    """For "X stars Y, was broadcast by Z" and "Produced by Y, X cost 3 million dollars": a verb between a name and what it takes."""
    name, thing = at - 1, at + 1
    if parse.tag[thing] == "DT":
        thing = max(parse.head[thing], thing)
    phrase = {name, at, thing}
    tops = [token for token in phrase if parse.head[token] not in phrase or parse.head[token] == token]
    if not (parse.is_noun(thing) or parse.tag[thing] == "CD") or len(tops) != 1:
        return
    top = tops[0]
    dep, above = parse.dep[top], parse.head[top]
    root = above
    while parse.head[root] != root:
        root = parse.head[root]
    if dep in ("nsubj", "nsubjpass") and parse.is_verb(above):
        parse.hang(at, above if parse.head[above] == above else parse.head[above], parse.dep[above])
        if parse.dep[at] == "ROOT":
            parse.hang(at, at, "ROOT")
        parse.hang(above, at, "conj")
    elif dep == "appos" and parse.tag[root] == "VBN":
        parse.hang(at, at, "ROOT")
        parse.hang(root, at, "advcl")
    else:
        return
    parse.tag[at] = "VBZ"
    parse.hang(name, at, "nsubj")
    parse.hang(thing, at, "dobj")


def _mend_code(parse: Parse, at: int) -> None:
    """In "with the ISSN number 0022-3670 and the LCCN number 846" each number is an apposition of the noun before it."""
    value = at + 1
    if not (parse.is_name(value) or parse.kind[value] == NUMBER or parse.tag[value] == "CD"):
        return
    first = at
    while first > 1 and (parse.tag[first - 1][:2] in ("NN", "JJ") or parse.kind[first - 1]):
        first -= 1
    if parse.tag[first - 1] != "DT" or first < 2:
        return
    before = first - 2
    if parse.tag[before] == "IN":
        head, dep = before, "pobj"
    elif parse.is_verb(before):
        head, dep = before, "dobj"
    elif parse.low[before] in ("and", ",") and parse.low[parse.head[before - 1]] in _CODE_NOUNS:
        head, dep = parse.head[before - 1], "conj"
    else:
        return
    parse.hang(at, head, dep)
    for token in range(first - 1, at):
        parse.hang(token, at, "det" if token == first - 1 else "compound")
    parse.hang(value, at, "appos" if parse.is_name(value) else "nummod")


def _mend_apposed_object(parse: Parse, at: int) -> None:
    """For "released X, an album by Y" with "album" taken for the object and X for something else of the verb: X is the object."""
    det = parse.child(at, "det")
    if at < 3 or det is None or parse.low[det] not in ("a", "an", "the") or parse.low[det - 1] != "," or not parse.is_common(at):
        return
    name = det - 2
    if parse.is_name(name) and parse.head[name] == parse.head[at] < name:
        parse.dep[name] = "dobj"
        parse.hang(at, name, "appos")
    elif parse.is_name(name) and parse.dep[name] == "pobj" and parse.head[parse.head[name]] == parse.head[at] and parse.low[det] != "the":
        parse.hang(at, name, "appos")  # "starred in X, a film by Y"


def _mend_apposition(parse: Parse, at: int, head: int) -> None:
    """In "the author of the novel X, Y, who was born in Z," Y is the author, and was born: a name does not rename a name."""
    before = at - 1
    if before > 0 and head < before and parse.is_name(at) and parse.is_common(before) and parse.child(before, "det") is not None:
        parse.hang(at, before, "appos")  # "by the writer X and the illustrator Y"
        return
    if not (parse.is_name(at) and parse.is_name(head) and at == head + 2 and parse.low[at - 1] == ","):
        return
    link = parse.head[head]
    if parse.dep[head] == "appos" and link == head - 1:
        link = parse.head[link]  # "of the novel X, Y"
    noun = parse.head[link]
    if (
        parse.low[link] != "of"
        or not parse.is_common(noun)
        or parse.child(noun, "det") is None
        or parse.dep[noun] not in ("nsubj", "nsubjpass")
    ):
        return
    parse.hang(at, noun, "appos")
    for kid in [kid for kid in parse.kids[head] if kid > at]:
        parse.hang(kid, at, parse.dep[kid])


def _mend_list(parse: Parse, at: int, verb: int) -> None:
    """In "plays X, Y and Z" and "belongs to the X, the Y and the Z" the second is no adverbial: the list goes on."""
    first = at
    while first > 1 and parse.head[first - 1] == at:
        first -= 1
    before = first - 2
    listed = parse.is_name(at) == parse.is_name(before) or parse.child(at, "appos") is not None
    if before <= verb or parse.low[first - 1] != "," or parse.dep[before] not in ("dobj", "pobj") or parse.kind[at] == NUMBER or not listed:
        return
    above = parse.head[before]
    goes_on = parse.child(at, "conj") is not None or (
        (name := parse.child(at, "appos")) is not None and parse.child(name, "conj") is not None
    )
    if goes_on and verb in (above, parse.head[above]):
        parse.hang(at, before, "conj")


def _mend_having(parse: Parse, at: int, noun: int) -> None:
    """For "X has chicken as its ingredient and is popular": "has" taken for the auxiliary of a noun is the verb."""
    above, dep = parse.head[noun], parse.dep[noun]
    parse.hang(at, at if above == noun else above, dep)
    parse.hang(noun, at, "dobj")
    for kid in list(parse.kids[noun]):
        if kid < at or (parse.dep[kid] in ("conj", "cc", "punct") and (parse.dep[kid] != "conj" or parse.is_verb(kid))):
            parse.hang(kid, at, parse.dep[kid])


def _mend_late_copula(parse: Parse, at: int, head: int) -> None:
    """For "comes from X and one of its parts is Y": "is" is the verb of what stands before it, not of the clause before that."""
    one = next((token for token in range(at - 1, head, -1) if parse.low[token] == "one"), 0)
    if not one or parse.low[one - 1] != "and" or parse.low[one + 1] != "of":
        return
    for kid in [kid for kid in parse.kids[head] if kid > at]:
        parse.hang(kid, at, parse.dep[kid])
    parse.hang(at, head, "conj")
    parse.hang(one, at, "nsubj")


def _mend_participle(parse: Parse, at: int, dep: str, head: int) -> None:
    """Of whom a participle behind a name is said."""
    comma = parse.low[at - 1] == ","
    apart = parse.low[at] in ("located", "situated") and parse.low[head] in _BE and parse.head[at - 2] != head
    stands = dep == "advcl" and parse.low[at] in _STANDS and not apart  # "is the capital of X, situated on Y" is said of the subject
    if comma and dep == "advcl" and parse.low[at] == "born" and parse.kind[at - 2] == "name" and parse.dep[parse.head[at - 2]] == "agent":
        parse.hang(at, at - 2, "acl")  # "was made by X, born in Y": X was born
    elif comma and dep == "advcl" and parse.low[at] in _MADE and parse.low[head] in _APPEARED and _is_in(parse, at - 2):
        parse.hang(at, at - 2, "acl")  # "appeared in X, written by Y": X is written
    elif comma and dep == "advcl" and parse.low[at] in _GOVERNED and _is_in(parse, at - 2):
        parse.hang(at, at - 2, "acl")  # "is found in X, led by Y": X is led
    elif comma and dep == "acl" and parse.low[at] in _MADE and _is_role_in(parse, at - 2, head):
        parse.hang(at, at - 2, "acl")  # "is one of the stars of X, distributed by Y": persons are not distributed
    elif comma and parse.kind[at - 2] == "name" and parse.tag[at] == "VBN" and (dep in ("prep", "dep") or stands):
        parse.hang(at, at - 2, "acl")  # "by the federation X, based in Y": X is based there
    elif dep == "advcl" and comma and parse.low[at] in CAST and _is_in(parse, at - 2) and parse.child(head, "nsubj") is not None:
        parse.hang(at, at - 2, "acl")  # "appeared in the film X, starring Y": X stars
    elif dep == "acl" and comma and parse.low[at] in _MADE and parse.is_name(head) and parse.dep[parse.head[head]] == "agent":
        parse.hang(at, parse.head[parse.head[head]], "conj")  # "directed by X, starring Y": not X stars
    elif not comma and parse.dep[head] == "pobj" and parse.is_name(head):
        noun = parse.head[parse.head[head]]
        that = dep == "relcl" and any(parse.low[kid] == "that" for kid in parse.kids[at])
        if (that or (dep == "acl" and parse.low[at] in _MADE)) and parse.is_common(noun) and parse.dep[noun] in ("attr", "appos"):
            parse.hang(at, noun, dep)  # "is a hotel in X designed by Y": a name is not told from others by what follows
    elif dep == "amod" and head == at + 1 and parse.kind[head] == NUMBER and parse.low[at - 1] == "and" and parse.dep[head] == "conj":
        _mend_second_verb(parse, at, head)
    elif dep == "amod" and head == at + 1 and parse.dep[head] == "ROOT" and parse.tag[at] == "VBD" and parse.kind[at - 1] == "name":
        mend_verb_between(parse, at, head)
    elif dep in ("acl", "relcl") and parse.kind[head] in (DATE, NUMBER) and parse.low[at] in _MADE_OR_NEXT:
        parse.hang(at, _verb_above(parse, head), "conj")  # "has a length of 9 minutes, produced by X": minutes are not produced
    elif comma and dep == "advcl" and parse.low[at] in _NEXT and parse.child(at, "agent", "prep") is not None:
        thing = parse.child(head, "dobj")
        thing = same_thing(parse, thing) if thing is not None else None
        if thing is not None and thing < at and parse.is_name(thing):
            parse.hang(at, thing, "acl")  # "released X in 1990, followed by Y": Y follows X


def _verb_above(parse: Parse, at: int) -> int:
    """The verb of the clause that a phrase stands in, or the sentence's root."""
    while not parse.is_verb(at) and parse.head[at] != at:
        at = parse.head[at]
    return at


def _is_role_in(parse: Parse, name: int, noun: int) -> bool:
    """Whether a name is that of which somebody is "one of the stars" or "the editor"."""
    if parse.low[noun] == "one" and (link := parse.child(noun, "prep")) is not None:
        noun = parse.child(link, "pobj") or noun
    role = parse.low[noun].removesuffix("s")
    return (
        parse.is_name(name) and parse.head[parse.head[name]] == noun and parse.is_common(noun) and (is_role(role) or role in _OCCUPATIONS)
    )


def _is_in(parse: Parse, at: int) -> bool:
    link = parse.head[parse.head[at]] if parse.dep[at] == "appos" else parse.head[at]
    return parse.is_name(at) and parse.low[link] == "in" and parse.tag[at - 1] != "CD"


def _mend_second_verb(parse: Parse, at: int, value: int) -> None:
    """For "cost 1 million and grossed 2 million": the second verb taken for an adjective of its number."""
    verb = parse.head[parse.head[value]]
    if parse.is_verb(verb):
        parse.hang(at, verb, "conj")
        parse.hang(value, at, "dobj")


def _mend_opening_name(parse: Parse, name: int, after: int) -> None:
    """For "X, a Belgian national who was born in Y, was" and "X, who was French, discovered": X is the subject of the verb behind."""
    verb = parse.head[name]
    if parse.low[after] in ("who", "which") and verb == parse.head[after]:
        verb = parse.head[verb]
    if (
        name > 1
        or (name == 1 and parse.dep[0] != "det")
        or verb <= after
        or not parse.is_verb(verb)
        or parse.dep[name] not in _NOT_SUBJECTS
    ):
        return
    opens = min([verb, *(kid for kid in parse.kids[verb] if parse.dep[kid] in ("aux", "auxpass") and kid > after)])
    if parse.low[opens - 1] != ",":
        return
    owned = parse.is_name(after) and parse.dep[after] == "poss"  # "X, Y's second album, was"
    if parse.low[after] in ("a", "an", "the") or owned:
        noun = parse.head[after]
        value = parse.child(verb, "attr")
        renamed = parse.low[after] == "the" and value is not None and parse.is_name(value)  # "X, the currency of Y, is Z": either is
        if noun > after and parse.is_noun(noun) and parse.dep[noun] in ("nsubj", "nsubjpass") and parse.head[noun] == verb and not renamed:
            dep = parse.dep[noun]
            parse.hang(noun, name, "appos")
            parse.dep[name] = dep
    elif parse.low[after] in ("who", "which") and parse.dep[name] not in ("nsubj", "nsubjpass"):
        clause = parse.head[after]
        if parse.is_verb(clause) and after < clause < verb and parse.head[clause] == verb:
            parse.hang(name, verb, "nsubj")
            parse.hang(clause, name, "relcl")


def _mend_shared_owner(parse: Parse, verb: int) -> None:
    """In "whose director was X and writer was Y" the writer is the same one's."""
    noun = verb - 1
    value = parse.head[noun]
    copula = parse.head[value]
    if parse.dep[value] == "nsubj" and parse.is_common(value):  # "whose leader is X and anthem is Y"
        value = parse.child(copula, "attr") or value
    if not parse.is_common(noun) or parse.kids[noun] or parse.low[noun - 1] != "and" or parse.low[copula] not in _BE:
        return
    subject = parse.child(copula, "nsubj")
    owner = parse.child(subject, "poss") if subject is not None and parse.dep[value] == "attr" else None
    if owner is None or parse.tag[owner] not in ("WP$", "PRP$"):
        return
    for kid in [kid for kid in parse.kids[verb] if parse.dep[kid] in ("nsubj", "nsubjpass")]:
        parse.hang(kid, verb, "dep")
    parse.hang(verb, copula, "conj")
    parse.hang(noun, verb, "nsubj")
    parse.kids[noun] = [owner]  # which stays where it is, too
