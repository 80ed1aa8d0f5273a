"""The verdict on one claim: verified, contradicted or unknown, with the facts that say so.

Never a guess. To call a true statement false is the worst mistake, so a contradiction needs a known subject, a predicate that leaves
room for one answer, and an object that is certainly another: what may be a second name, a part, a rounding or a description is unknown.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.triplet import JudgedTriplet, Triplet, Verdict
from streams.knowledge import dates, phrases, places, quantities
from streams.knowledge.dates import compare_dates, parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold, words
from streams.knowledge.ontology import ALIAS, Predicate, ValueKind
from streams.knowledge.persons import is_another_person, is_done_once, is_short_for
from streams.knowledge.quantities import Agreement, Quantity, compare_quantities, parse_quantity
from streams.knowledge.times import Scope, in_scope, split_date
from streams.knowledge.value_types import Reading, Statement

NAMED = "named"
"""Rule of a claim whose object was given, by itself, as the answer to a question for it: no word says another relation."""
OFFERED = "offered"
"""Rule of a claim whose object is a phrase in small letters, given as what was asked: a name, though it is not written as one."""
GIVEN = "given"
"""Rule of a claim whose object is a word given as the answer, in quotation marks, or the thing's own name: both of the above."""
PROPERTY = "property"
"""Rule of a claim by the predicate's own noun ("the continent of X is Y"): nor can that mean another relation."""
MAX_FACTS = 20
"""Facts named in a verdict."""
SHORT_CHARS = 4
"""Of a name with fewer characters each tells."""


class Finding(NamedTuple):
    """A verdict on a claim under one reading of its predicate."""

    verdict: Verdict
    statements: tuple[Statement, ...]
    note: str
    vague: bool = False
    """Verified, and less exact than what is known."""


class Claim(NamedTuple):
    """A claim turned into its predicate's own direction."""

    predicate: Predicate
    entity: str
    """What it is said of."""
    object_text: str
    object: Reading
    scope: Scope
    listed_only: bool
    """Only what the graph lists as an object of the predicate may contradict."""
    offered: bool
    """The object is a name, though in small letters."""


def judge(graph: Hypergraph, triplet: Triplet) -> JudgedTriplet:
    """Judge a claim against the graph: to deny what is so is wrong, to deny what is not so is right. Hedged claims are not judged."""
    finding = _denied(_find(graph, triplet)) if triplet.negated else _find(graph, triplet)
    ids = tuple(dict.fromkeys(statement.fact.fact_id for statement in finding.statements[:MAX_FACTS]))
    note = f"{finding.note}; the claim says less than is known" if finding.vague else finding.note
    return JudgedTriplet(triplet=triplet, verdict=finding.verdict, fact_ids=ids, note=note, vague=finding.vague)


def _find(graph: Hypergraph, triplet: Triplet) -> Finding:
    if triplet.hedged:
        return _unknown("not judged: the text does not commit to it")
    matches = graph.ontology.match_all(triplet.predicate)
    if not matches:
        return _unknown(f"no such predicate: {triplet.predicate}")
    findings = []
    for match in matches:
        sides = (triplet.object, triplet.subject) if match.reversed else (triplet.subject, triplet.object)
        findings.append(_judge_sides(graph, graph.ontology[match.name], *sides, triplet.qualifiers.get("date"), rule=triplet.rule))
    for wanted in (Verdict.VERIFIED, Verdict.UNKNOWN):
        if found := next((finding for finding in findings if finding.verdict is wanted), None):
            return found
    return findings[0]


def _denied(finding: Finding) -> Finding:
    """What the graph says of the opposite."""
    opposite = {Verdict.VERIFIED: Verdict.CONTRADICTED, Verdict.CONTRADICTED: Verdict.VERIFIED}
    return finding._replace(verdict=opposite.get(finding.verdict, finding.verdict), note=f"the text denies it; {finding.note}", vague=False)


def _judge_sides(graph: Hypergraph, predicate: Predicate, subject_text: str, object_text: str, date: str | None, *, rule: str) -> Finding:
    if predicate.name == ALIAS:
        return _judge_alias(graph, subject_text, object_text)
    said, when = (object_text, None) if predicate.value is ValueKind.DATE else split_date(object_text)
    subject = phrases.read(graph, subject_text, as_subject=True)
    if subject.candidates:
        return _ambiguous(subject_text, subject)
    if subject.entity is None:
        return _of_no_one(graph, predicate, subject_text, object_text) or _unknown(f"no such name: {subject_text}")
    when = None if is_done_once(predicate) else parse_date(date) if date else when
    scope = in_scope(graph.statements(subject.entity, predicate.name), when)
    thing = phrases.read(graph, said) if predicate.value is ValueKind.ENTITY else phrases.NONE
    listed = predicate.listed_range and rule not in (NAMED, PROPERTY, GIVEN) and not _says_kind(predicate, said)
    claim = Claim(predicate, subject.entity, said, thing, scope, listed, rule in (OFFERED, GIVEN))
    return _judge_entity(graph, claim) if predicate.value is ValueKind.ENTITY else _judge_value(graph, claim)


def _says_kind(predicate: Predicate, said: str) -> bool:
    """Whether a name says of what kind it is, by a noun of the predicate: "the Museum of the North" is a museum, and no city."""
    return not {word.text for word in words(said)}.isdisjoint(predicate.nouns)


def _of_no_one(graph: Hypergraph, predicate: Predicate, subject_text: str, object_text: str) -> Finding | None:
    """Said of a name that nobody knows, where the object is one thing's alone: "Ga is the symbol of Galileo Galilei"."""
    thing = phrases.read(graph, object_text) if predicate.inverse_functional and predicate.value is ValueKind.ENTITY else phrases.NONE
    if thing.entity is None or not thing.sure or not phrases.is_proper(subject_text):
        return None
    holders = in_scope(graph.statements_to(thing.entity, predicate.name), None)
    names = [name for one in holders.current for root in graph.entities(one.subject) for name in graph.folded_names_of(root)]
    said = fold(subject_text)
    if not names or not holders.complete or any(phrases.resembles(said, name) or phrases.is_like(said, name) for name in names):
        return None
    return _contradicted(graph, holders.current)


def _judge_alias(graph: Hypergraph, subject_text: str, object_text: str) -> Finding:
    """Two names of one entity. Names that are not known to be are not known not to be."""
    subject, other = graph.resolve(subject_text), graph.resolve(object_text)
    for name, found in ((subject_text, subject), (object_text, other)):
        if len(found.candidates) > 1:
            return _unknown(f"ambiguous name: {name}")
    if subject.entity is not None and subject.entity == other.entity:
        return Finding(Verdict.VERIFIED, (), f"both are names of {graph.names_of(subject.entity)[0]}")
    return _unknown(f"not known as names of one thing: {subject_text}, {object_text}")


# --- numbers and dates


def _judge_value(graph: Hypergraph, claim: Claim) -> Finding:
    current = claim.scope.current
    if not current:
        return _silent(graph, claim)
    results = [(_compare(claim, statement), statement) for statement in current]
    if None in (agreement for agreement, _ in results):
        return _unknown(f"no {claim.predicate.value} in: {claim.object_text}")
    if same := tuple(statement for agreement, statement in results if agreement is Agreement.SAME):
        vague = all(statement.is_vague or _is_vaguer(claim, statement) for statement in same)
        return _verified(graph, same[:1])._replace(vague=vague)
    certain = all(agreement is Agreement.DIFFERENT for agreement, _ in results) and claim.scope.complete
    if certain and claim.predicate.one_object:
        return _contradicted(graph, current)
    return _unknown(f"cannot be told apart from: {_say(graph, current[0])}" if claim.predicate.one_object else _say(graph, current[0]))


def _compare(claim: Claim, statement: Statement) -> Agreement | None:
    if claim.predicate.value is ValueKind.DATE:
        said, known = parse_date(claim.object_text), parse_date(statement.object)
        return compare_dates(said, known) if said and known else None
    number, truth = _quantities(claim, statement)
    return compare_quantities(number, truth, claim.predicate.tolerance) if number and truth else None


def _quantities(claim: Claim, statement: Statement) -> tuple[Quantity | None, Quantity | None]:
    return parse_quantity(claim.object_text), parse_quantity(statement.object, statement.fact.qualifiers.get("unit"))


def _is_vaguer(claim: Claim, statement: Statement) -> bool:
    """Whether a claim that agrees says less than the statement."""
    if claim.predicate.value is ValueKind.DATE:
        said, known = parse_date(claim.object_text), parse_date(statement.object)
        return said is not None and known is not None and dates.is_vaguer(said, known)
    number, truth = _quantities(claim, statement)
    return number is not None and truth is not None and quantities.is_vaguer(number, truth, claim.predicate.tolerance)


# --- entities


def _judge_entity(graph: Hypergraph, claim: Claim) -> Finding:
    if said := tuple(statement for statement in claim.scope.current if _says(graph, claim, statement)):
        return _verified(graph, said)._replace(vague=all(statement.is_vague for statement in said))
    if followed := _entailed(graph, claim):
        return _verified(graph, followed)
    if claim.object.candidates:
        return _ambiguous(claim.object_text, claim.object)
    if elsewhen := [statement for statement in claim.scope.other if _says(graph, claim, statement)]:
        return _unknown(f"so at another time: {_say(graph, elsewhen[0])}")
    if not claim.scope.complete:
        return _silent(graph, claim)
    return _held_by_another(graph, claim) or _by_place(graph, claim) or _other_object(graph, claim) or _silent(graph, claim)


def _says(graph: Hypergraph, claim: Claim, statement: Statement) -> bool:
    """Whether a statement has the claim's object, by name, by another name, or by the name without its comma."""
    truth = graph.entities(statement.object)
    if len(truth) == 1 and phrases.is_sign(next(iter(graph.names_of(truth[0])), "")):
        return any(phrases.says_sign(claim.object_text, name) for name in graph.spellings_of(truth[0]))
    if fold(claim.object_text) == statement.object:
        return True
    if len(truth) != 1:
        return False
    if not claim.object.candidates and is_short_for(graph, claim.object_text, truth[0], claim.predicate):
        return True
    if claim.object.entity is not None:
        modified = all(_modifies(graph, claim, name) for name in claim.object.modifiers)
        return claim.object.entity == truth[0] and modified
    short = fold(claim.object_text)
    if (bare := phrases.firm(short)) != short and bare in {phrases.firm(name) for name in graph.folded_names_of(truth[0])}:
        return True
    if claim.object.candidates or graph.beginning_with(short) != set(truth):
        return False
    return short in phrases.short_forms(graph.spellings_of(truth[0]))


def _modifies(graph: Hypergraph, claim: Claim, name: str) -> bool:
    """Whether a capitalised word before the name speaks of the claim's subject ("Swiss" of Switzerland)."""
    return claim.entity in graph.resolve(name).candidates


def _entailed(graph: Hypergraph, claim: Claim) -> tuple[Statement, ...]:
    """Two statements that together say the claim, by a declared chain."""
    if claim.object.modifiers:
        return ()
    for chain in graph.ontology.chains:
        if chain.conclusion != claim.predicate.name:
            continue
        for first in graph.statements(claim.entity, chain.premises[0]):
            middle = graph.entities(first.object)
            for second in graph.statements(middle[0], chain.premises[1]) if len(middle) == 1 else ():
                if graph.entities(second.object) == (claim.object.entity,):
                    return (first, second)
    return ()


def _other_object(graph: Hypergraph, claim: Claim) -> Finding | None:
    """The predicate leaves room for the listed objects only, and the claim's object is none of them."""
    current = claim.scope.current
    if not claim.predicate.one_object or not current:
        return None
    truths = [name for statement in current for root in graph.entities(statement.object) for name in graph.folded_names_of(root)]
    said = _without_place(claim.object_text)
    thing = claim.object if said == claim.object_text or (claim.object.entity and claim.object.sure) else phrases.read(graph, said)
    # "Victor Frankenstein" is a name of its own, though it holds the subject's; so is "Kansas City".
    own = (thing.entity == claim.entity and thing.modifiers) or phrases.ends_in_class(graph, said, thing)
    if any(thing.entity in graph.entities(statement.object) for statement in current):
        return None
    unsure = thing.entity is not None and not (thing.sure or _is_of_subject(graph, claim, said, thing))
    if unsure and not own and not _is_behind_names(said, thing):
        return None
    rival = None if own or unsure or (claim.offered and thing.entity == claim.entity) else thing.entity
    if rival is not None:
        names = [fold(said)] if rival == claim.entity else graph.folded_names_of(rival)
        alike = next((truth for truth in truths for name in names if phrases.contains(name, truth)), None)
        if alike is not None and not any(
            _is_sibling(name, alike, truth, truths) for name in names if f" {name} " in f" {fold(said)} " for truth in truths
        ):
            return _unknown(f"may be the same: {claim.object_text}, {current[0].fact.object}")
        if claim.listed_only and not graph.statements_to(rival, claim.predicate.name):
            return None
        return _contradicted(graph, current)
    name, inside = phrases.without_brackets(said)
    is_number = phrases.is_number(name) and not any(char.isdigit() for truth in truths for char in truth)
    if claim.listed_only or not (is_number or claim.offered or phrases.is_proper(name)):
        return None
    if phrases.is_region(name) and not _says_kind(claim.predicate, name) and not any(phrases.is_region(truth) for truth in truths):
        return None
    if places.is_adjective(name) and not any(places.of_name(truth) for truth in truths):
        return None  # "means butterflies in Italian"; "the English" may be who did it, "Italian" nobody is
    telling = _without_adjective(graph, claim, name)
    if any(_may_be(fold(said), truth, claim.predicate) for truth in truths for said in (telling, inside) if fold(said)):
        return _unknown(f"may be the same: {claim.object_text}, {current[0].fact.object}")
    return _contradicted(graph, current)


def _by_place(graph: Hypergraph, claim: Claim) -> Finding | None:
    """What geography says: the true place by another name is true; one that lies in it is not told; one that lies apart is another."""
    current = claim.scope.current
    if not claim.predicate.one_object or not current:
        return None
    truths = [place_of(graph, statement) for statement in current]
    said = places.meant(claim.object_text) if any(truths) else ()
    own = [place for name in graph.folded_names_of(claim.entity) for place in places.of_name(name)] if said else []
    if not said or set(own) & set(said):
        return None
    if len(said) == 1 and _says_where(claim.predicate) and not (own and places.is_side(claim.object_text)):
        inside = [one for one, truth in zip(current, truths, strict=True) if len(truth) == 1 and places.lies_in(said[0], truth[0])]
        same = tuple(one for one in inside if place_of(graph, one) == said)
        if same:
            return _verified(graph, same)
        if inside:
            return _unknown(f"lies in what is true, and may be wrong: {_say(graph, inside[0])}")
    known = [place for truth in truths for place in truth]
    if all(truths) and all(places.lie_apart(one, other) for one in said for other in known):
        return _contradicted(graph, current)
    return None


def place_of(graph: Hypergraph, statement: Statement) -> tuple[str, ...]:
    """The place of the world that a statement's object is, by any of its names."""
    names = (name for root in graph.entities(statement.object) for name in graph.folded_names_of(root))
    return next((found for name in names if (found := places.of_name(name))), ())


def _says_where(predicate: Predicate) -> bool:
    """Whether what lies in its object can be said in its place: "{subject} is in {object}", "{subject} comes from {object}"."""
    return any(template.between.split()[-1:] in (["in"], ["from"], ["at"]) for template in predicate.templates if not template.reversed)


def _is_sibling(said: str, whole: str, truth: str, truths: list[str]) -> bool:
    """Whether what is said and what is true are two parts of what is true as well: "Late Jurassic", where it is Jurassic, the early one."""
    if said in truths or truth == whole or len(said) <= len(whole):
        return False
    return said.endswith(f" {whole}") and truth.endswith(f" {whole}") and not phrases.contains(said, truth)


def _is_behind_names(said: str, thing: Reading) -> bool:
    """Whether only capitals stand before a known name, which make another one of it: "Naija Dollar", "Paris, France"."""
    return bool(thing.modifiers) and phrases.is_proper(said) and len(said.split()) > len(thing.modifiers)


def _may_be(said: str, truth: str, predicate: Predicate) -> bool:
    if len(truth) < SHORT_CHARS and any(char.isdigit() for char in said) != any(char.isdigit() for char in truth):
        return False  # "Sb2" is no "Sb"
    if phrases.ends_otherwise(said, truth, predicate.nouns):
        return False
    return phrases.resembles(said, truth, predicate.nouns) and not is_another_person(said, truth, predicate)


def _is_of_subject(graph: Hypergraph, claim: Claim, said: str, thing: Reading) -> bool:
    """Whether a phrase is a known object of the predicate behind the subject's adjective alone: "Bangladeshi rupee" of Bangladesh."""
    if not thing.modifiers or thing.entity is None or not graph.statements_to(thing.entity, claim.predicate.name):
        return False
    names = [word for name in graph.folded_names_of(claim.entity) for word in name.split()]
    ours = (any(phrases.is_adjective_of(fold(one), name) for name in names) for one in thing.modifiers)
    return all(ours) and len(said.split()) - len(thing.modifiers) in {len(name.split()) for name in graph.folded_names_of(thing.entity)}


def _without_adjective(graph: Hypergraph, claim: Claim, name: str) -> str:
    """A name without the subject's adjective before it, which a true one may have too: "Hungarian dollar" is no forint."""
    first, _, rest = name.partition(" ")
    ours = (word for one in graph.folded_names_of(claim.entity) for word in one.split())
    return rest if rest and any(fold(first) != word and phrases.is_adjective_of(fold(first), word) for word in ours) else name


def _without_place(text: str) -> str:
    """The name without the place behind a comma: "El Barranco, Bolivia" is not La Paz, wherever it is."""
    head, comma, rest = text.partition(",")
    return head if comma and phrases.is_proper(rest) and phrases.is_proper(head) else text


def _held_by_another(graph: Hypergraph, claim: Claim) -> Finding | None:
    """The predicate has one subject for each object, and the claim's object has another one."""
    if not claim.predicate.inverse_functional or claim.object.entity is None or not claim.object.sure or claim.object.modifiers:
        return None
    holders = in_scope(graph.statements_to(claim.object.entity, claim.predicate.name), claim.scope.when)
    if not holders.current or not holders.complete:
        return None
    subjects = [entity for statement in holders.current for entity in graph.entities(statement.subject)]
    ours = graph.folded_names_of(claim.entity)
    theirs = [name for entity in subjects for name in graph.folded_names_of(entity)]
    if any(phrases.contains(left, right) for left in ours for right in theirs):
        return None
    return _contradicted(graph, holders.current)


# --- what is said


def _say(graph: Hypergraph, statement: Statement) -> str:
    fact = statement.fact
    turned = statement.predicate != fact.predicate
    subject, target = (fact.object, fact.subject) if turned else (fact.subject, fact.object)
    unit = f" {fact.qualifiers['unit']}" if "unit" in fact.qualifiers else ""
    return graph.ontology.sentence(statement.predicate, subject, target + unit)


def _verified(graph: Hypergraph, statements: tuple[Statement, ...]) -> Finding:
    return Finding(Verdict.VERIFIED, statements, "; ".join(_say(graph, statement) for statement in statements[:2]))


def _contradicted(graph: Hypergraph, statements: tuple[Statement, ...]) -> Finding:
    return Finding(Verdict.CONTRADICTED, statements, "; ".join(_say(graph, statement) for statement in statements[:3]))


def _silent(graph: Hypergraph, claim: Claim) -> Finding:
    name = graph.names_of(claim.entity)[0]
    what = claim.predicate.name.replace("_", " ")
    if not claim.scope.current:
        return _unknown(f"nothing is known of the {what} of {name}{' at that time' if claim.scope.when else ''}")
    return _unknown(f"the graph does not say whether: {graph.ontology.sentence(claim.predicate.name, name, claim.object_text)}")


def _ambiguous(text: str, reading: Reading) -> Finding:
    return _unknown(f"ambiguous name: {text} ({', '.join(reading.candidates)})")


def _unknown(note: str) -> Finding:
    return Finding(Verdict.UNKNOWN, (), note)
