"""What the graph of facts promises: what it takes, whom a name means, how far things are apart."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadRecord, DeadLetterReason
from schemas.fact import Fact
from streams.curriculum.needed import facts_needed, relations_in
from streams.knowledge import paths, phrases
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold, words
from streams.knowledge.ontology import Ontology
from streams.knowledge.value_types import Mention, Status

ONTOLOGY = Ontology.from_dict(
    {
        "predicates": {
            "composed_by": {"functional": True, "inverse": "composer_of"},
            "sings_in": {},
            "shares_stage_with": {"symmetric": True},
            "length": {"functional": True, "value": "number"},
            "premiere": {"functional": True, "value": "date"},
        }
    }
)


def fact(subject: str, predicate: str, target: str, fact_id: str = "", **qualifiers: str) -> Fact:
    return Fact(fact_id=fact_id, subject=subject, predicate=predicate, object=target, qualifiers=qualifiers)


def graph_of(*facts: Fact, ontology: Ontology | None = ONTOLOGY) -> Hypergraph:
    graph = Hypergraph(ontology)
    for offset, one in enumerate(facts):
        graph.put(one, offset)
    return graph


ASKED = ("A", "B", "Carmen", "Aida", "Bizet", "Verdi", "the Verdi", "Callas", "La Divina", "Maria Callas", "La", "Nobody")
"""Names that a graph is asked about to compare it with another; facts below speak of these."""


def picture(graph: Hypergraph) -> dict[object, object]:
    """All that a graph answers, its version apart: whom names mean, what is said of each, and what stands near it."""
    found: dict[object, object] = {"facts": sorted(one.fact_id for one in graph), "size": len(graph)}
    for name in map(fold, ASKED):
        found[name] = (
            graph.resolve(name),
            graph.entities(name),
            graph.entities_in(f"{name} sang", ambiguous=True),
            graph.spellings_of(name),
            graph.names_of(name),
            graph.beginning_with(name),
            graph.neighbours(name),
            graph.degree(name),
            sorted(one.fact_id for one in graph.facts_of(name)),
        )
        for predicate in graph.ontology.predicates:
            found[name, predicate] = (graph.statements(name, predicate), graph.statements_to(name, predicate))
    return found


# --- what it takes


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (fact("Carmen", "painted_by", "Bizet"), "no predicate 'painted_by'"),
        (fact("--", "composed_by", "Bizet"), "subject is no name"),
        (fact("Carmen", "composed_by", "?!"), "object is no name"),
        (fact("Carmen", "length", "long"), "wants a number"),
        (fact("Carmen", "premiere", "once"), "wants a date"),
    ],
)
def test_a_fact_that_cannot_stand_is_refused_with_the_reason(bad, words):
    graph = Hypergraph(ONTOLOGY)
    before = picture(graph)
    with pytest.raises(BadRecord, match=words) as raised:
        graph.put(bad)
    assert raised.value.reason is DeadLetterReason.BAD_FACT
    assert picture(graph) == before


def test_a_cycle_of_aliases_is_refused():
    graph = graph_of(fact("A", "alias", "B"), fact("B", "alias", "C"))
    with pytest.raises(BadRecord, match="cycle of aliases"):
        graph.put(fact("C", "alias", "A"))
    assert graph.resolve("C").entity == "a"


def test_a_refused_alias_takes_effect_once_the_cycle_is_open():
    """Else a node that reads the compacted log later would hold another graph at the same version."""
    first, second = fact("A", "alias", "B"), fact("B", "alias", "A")
    graph = graph_of(first)
    with pytest.raises(BadRecord):
        graph.put(second, 1)
    graph.remove(first.fact_id, 2)
    assert graph.resolve("A").entity == "b"
    assert picture(graph) == picture(graph_of(second))


def test_without_an_ontology_every_predicate_is_taken():
    graph = graph_of(fact("Carmen", "painted_by", "Nobody"), ontology=None)
    assert [one.object for one in graph.facts_of("carmen", "painted_by")] == ["Nobody"]


def test_a_later_fact_under_a_key_replaces_the_earlier():
    graph = graph_of(fact("Carmen", "composed_by", "Verdi", "carmen"), fact("Carmen", "composed_by", "Bizet", "carmen"))
    assert [one.object for one in graph.facts_of("carmen")] == ["Bizet"]
    assert graph.resolve("Verdi").status is Status.UNKNOWN


def test_a_later_bad_fact_takes_the_earlier_one_with_it():
    """As compaction does."""
    graph = graph_of(fact("Carmen", "composed_by", "Bizet", "carmen"))
    with pytest.raises(BadRecord):
        graph.put(fact("Carmen", "painted_by", "Bizet", "carmen"), 1)
    assert len(graph) == 0


def test_a_fact_said_in_the_inverse_is_turned_round():
    graph = graph_of(fact("Bizet", "composer_of", "Carmen"))
    assert [(one.subject, one.object) for one in graph.statements("carmen", "composed_by")] == [("carmen", "bizet")]


def test_a_symmetric_fact_is_found_from_both_ends():
    graph = graph_of(fact("Callas", "shares_stage_with", "Gobbi"))
    assert [one.object for one in graph.statements("gobbi", "shares_stage_with")] == ["callas"]
    assert [one.object for one in graph.statements("callas", "shares_stage_with")] == ["gobbi"]


def test_a_qualifier_that_names_something_is_a_role_of_the_hyperedge():
    graph = graph_of(fact("Callas", "sings_in", "Tosca", place="London", date="1964", unit="act"), fact("London", "sings_in", "Aida"))
    assert graph.neighbours("callas") == {"tosca": 1, "london": 1}
    assert paths.hops(graph, ["callas"], ["aida"]) == 2
    assert graph.resolve("1964").status is Status.UNKNOWN


def test_the_version_is_the_offset_behind_the_last_applied():
    graph = Hypergraph(ONTOLOGY)
    assert graph.version == 0
    graph.put(fact("Carmen", "composed_by", "Bizet", "one"), 6)
    assert graph.version == 7
    graph.remove("one", 9)
    assert graph.version == 10
    graph.reached(12)  # markers of transactions
    graph.reached(11)
    assert graph.version == 12
    with pytest.raises(BadRecord):
        graph.put(fact("Carmen", "painted_by", "Bizet"), 20)
    assert graph.version == 21


NAMES = st.sampled_from(["Carmen", "Aida", "Bizet", "Verdi", "the Verdi", "Callas", "La Divina", "Maria Callas"])
FACTS = st.one_of(
    st.builds(fact, NAMES, st.sampled_from(["composed_by", "composer_of", "sings_in", "shares_stage_with"]), NAMES),
    st.builds(fact, NAMES, st.just("sings_in"), NAMES, place=NAMES),
    st.builds(fact, NAMES, st.just("length"), st.sampled_from(["2", "3 hours"])),
    st.builds(fact, NAMES, st.just("alias"), NAMES),
)


def put_all(graph: Hypergraph, facts: list[Fact]) -> None:
    for one in facts:
        with contextlib.suppress(BadRecord):  # a cycle of aliases
            graph.put(one)


@given(st.lists(FACTS, max_size=8), FACTS)
def test_putting_and_removing_leaves_the_graph_as_before(facts, extra):
    graph = Hypergraph(ONTOLOGY)
    put_all(graph, [one for one in facts if one.fact_id != extra.fact_id])
    before = picture(graph)
    put_all(graph, [extra])
    graph.remove(extra.fact_id)
    assert picture(graph) == before


def test_what_was_removed_takes_no_room():
    sizes = []
    graph = graph_of(fact("Carmen", "composed_by", "Bizet"))
    for number in range(400):
        gone = [
            fact(f"singer {number}", "sings_in", f"opera {number}", place=f"hall {number}"),
            fact(f"x {number}", "alias", f"y {number}"),
        ]
        put_all(graph, gone)
        for one in gone:
            graph.remove(one.fact_id)
        sizes.append(len(pickle.dumps(graph)))
    assert max(sizes[20:]) <= max(sizes[:20]) + 10, "bytes; counters grow by a byte or two"


@given(st.lists(FACTS, max_size=10), st.data())
def test_a_graph_that_was_there_agrees_with_one_that_reads_the_compacted_log(facts, data):
    """Compaction keeps the last record of each key, in order."""
    log = list(facts)
    removed = data.draw(st.lists(st.sampled_from(log), max_size=4)) if log else []
    live = Hypergraph(ONTOLOGY)
    put_all(live, log)
    for one in removed:
        live.remove(one.fact_id)
    last = {one.fact_id: number for number, one in enumerate(log)}
    gone = {one.fact_id for one in removed}
    late = Hypergraph(ONTOLOGY)
    put_all(late, [one for number, one in enumerate(log) if last[one.fact_id] == number and one.fact_id not in gone])
    assert picture(late) == picture(live)
    assert [one.fact_id for one in late] == [one.fact_id for one in live]


# --- names


def test_aliases_join_over_chains_in_either_order():
    aliases = [fact("Giuseppe Verdi", "alias", "Verdi"), fact("Verdi", "alias", "the Swan of Busseto")]
    said = fact("Aida", "composed_by", "Verdi")
    for order in itertools.permutations([*aliases, said]):
        graph = graph_of(*order)
        assert graph.resolve("Swan of Busseto").entity == "giuseppe verdi"
        assert graph.names_of("giuseppe verdi") == ["Giuseppe Verdi", "the Swan of Busseto", "Verdi"]
        assert [one.fact.subject for one in graph.statements_to("giuseppe verdi", "composed_by")] == ["Aida"]


def test_facts_under_an_alias_are_facts_of_the_entity():
    graph = graph_of(fact("Falstaff", "composed_by", "Verdi"), fact("Falstaff", "alias", "The Fat Knight"))
    graph.put(fact("The Fat Knight", "length", "2 hours"))
    assert [one.object for one in graph.facts_of("falstaff", "length")] == ["2 hours"]


def test_a_name_of_two_entities_is_ambiguous():
    graph = graph_of(fact("Otello (Rossini)", "alias", "Otello"), fact("Otello (Verdi)", "alias", "Otello"))
    assert graph.resolve("Otello") == (None, ("otello rossini", "otello verdi"), Status.AMBIGUOUS)
    assert graph.names_of("otello verdi") == ["Otello (Verdi)"]


def test_an_alias_with_contradicting_facts_of_its_own_is_another_entity():
    graph = graph_of(
        fact("Otello", "composed_by", "Verdi"),
        fact("Otello (Rossini)", "composed_by", "Rossini"),
        fact("Otello (Rossini)", "alias", "Otello"),
    )
    assert graph.resolve("Otello").status is Status.AMBIGUOUS
    assert graph.resolve("Otello (Rossini)").entity == "otello rossini"


def test_an_alias_that_a_fact_of_its_own_relates_to_the_name_is_another_entity():
    graph = graph_of(
        fact("Ring of the Nibelung", "alias", "Ring"),
        fact("Ring of the Nibelung", "sings_in", "Ring"),
        fact("Ring", "sings_in", "Bayreuth"),
    )
    assert graph.resolve("Ring").status is Status.AMBIGUOUS


def test_an_unknown_name_is_unknown():
    assert graph_of().resolve("Nobody") == (None, (), Status.UNKNOWN)


# --- names in a text


def test_the_longest_name_is_found_at_each_place():
    graph = graph_of(fact("New York", "sings_in", "York"), fact("New York Philharmonic", "sings_in", "New York"))
    text = "The New York Philharmonic of New York plays in York."
    found = graph.entities_in(text)
    assert [(one.entity, text[one.start : one.end]) for one in found] == [
        ("new york philharmonic", "New York Philharmonic"),
        ("new york", "New York"),
        ("york", "York"),
    ]


def test_names_are_found_through_accents_possessives_and_articles():
    graph = graph_of(fact("La Bohème", "composed_by", "Puccini"), fact("Republic of the Congo", "sings_in", "Kin"))
    text = "Puccini's La Boheme, in the Republic of Congo"
    assert [text[one.start : one.end] for one in graph.entities_in(text)] == ["Puccini", "La Boheme", "Republic of Congo"]


def test_a_short_name_does_not_hide_in_a_word():
    graph = graph_of(fact("Ai", "sings_in", "Da"))
    assert graph.entities_in("Aida and Dada") == []


def test_words_of_the_language_are_names_only_in_capitals():
    graph = graph_of(fact("US", "sings_in", "IT"))
    assert graph.entities_in("tell us about it") == []
    assert [one.entity for one in graph.entities_in("the US has IT")] == ["us", "it"]


def test_ambiguous_names_are_left_out_unless_asked_for():
    graph = graph_of(fact("Otello (Rossini)", "alias", "Otello"), fact("Otello (Verdi)", "alias", "Otello"))
    assert graph.entities_in("Otello") == []
    assert graph.entities_in("Otello", ambiguous=True) == [Mention("otello", 0, 6)]


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_every_name_of_a_text_is_found(names):
    graph = graph_of(*(fact(name, "sings_in", "Aida") for name in names))
    text = " ; ".join(names)
    assert [one.entity for one in graph.entities_in(text)] == [graph.resolve(name).entity for name in names]


PIECES = ("New", "york", "Bay", "bays", "the", "The", "US", "us", "no", "C#", "D.C.", "A.", "1,5", "É", "Saint", "O'Hara's", "&", "x")
GLUE = st.sampled_from((" ", " ", ", ", ". ", "-", " (", "\n", "'s ", "’s "))
TEXTS = st.lists(st.tuples(st.sampled_from(PIECES[:3] * 4 + PIECES), GLUE), max_size=12).map(
    lambda parts: "".join(word + glue for word, glue in parts)
)
FEW = st.lists(st.sampled_from(("New", "york", "Bay")), min_size=1, max_size=3)
"""So few words that names overlap in a text."""
SAID = st.one_of(FEW, FEW, st.lists(st.sampled_from(PIECES), min_size=1, max_size=3)).map(" ".join).filter(fold)


def names_one_by_one(names: set[str], text: str) -> list[tuple[str, int, int]]:
    """The longest name at each place of a text, by trying all."""
    tokens, found, at = [word for word in words(text) if word.text != "the"], [], 0
    while at < len(tokens):
        sizes = [size for size in range(1, len(tokens) - at + 1) if " ".join(token.text for token in tokens[at : at + size]) in names]
        end = tokens[at + max(sizes, default=1) - 1].end
        written = text[tokens[at].start : end]
        if not sizes or (written.lower() in FUNCTION_WORDS and not (written.isupper() and len(written) > 1)):
            at += 1
            continue
        found.append((" ".join(token.text for token in tokens[at : at + max(sizes)]), tokens[at].start, end))
        at += max(sizes)
    return found


@given(st.lists(SAID, min_size=1, max_size=8), st.lists(TEXTS, min_size=1, max_size=4))
def test_names_are_those_that_trying_all_finds_with_their_places_and_without(names, texts):
    graph = graph_of(*(fact(name, "sings_in", "Aida") for name in names))
    for text in texts:
        found = names_one_by_one({fold("Aida"), *map(fold, names)}, text)
        assert [(one.entity, one.start, one.end) for one in graph.entities_in(text)] == found
        assert graph.named_in(text) == {name for name, _, _ in found}


@given(st.lists(SAID, min_size=1, max_size=5), TEXTS)
def test_relations_are_those_that_a_pattern_of_all_their_words_finds(nouns, text):
    """Words of letters and digits alone: a pattern's word ends within C#. An article is no relation's noun."""
    said = {predicate: fold(noun.replace("#", "")) for predicate, noun in zip("abcde", nouns, strict=False)}
    ontology = Ontology.from_dict(
        {"predicates": {predicate: {"nouns": [noun]} for predicate, noun in said.items() if noun not in ("", "the")}}
    )
    graph = graph_of(*(fact("Ada", predicate, "Ida") for predicate in ontology.predicates if predicate in said), ontology=ontology)
    of = {}
    for predicate in graph.predicates():
        for noun in (predicate, *ontology[predicate].nouns):
            of.setdefault(fold(noun), predicate)
    longest = sorted(filter(None, of), key=lambda noun: (-len(noun), noun))
    text = text.replace("#", "")
    expected = Counter(of[match[1]] for match in re.finditer(rf"\b({'|'.join(map(re.escape, longest))})s?\b", fold(text)) if longest)
    assert relations_in(text, graph) == expected


# --- distances


def test_hops_count_the_facts_on_a_shortest_path():
    graph = graph_of(*(fact(left, "sings_in", right) for left, right in itertools.pairwise("ABCDEF")), fact("A", "sings_in", "C"))
    assert [paths.hops(graph, ["A"], [target]) for target in "ABCDEF"] == [0, 1, 1, 2, 3, 4]
    assert paths.hops(graph, ["A"], ["F"], limit=3) is None
    assert paths.hops(graph, ["A", "E"], ["F", "C"]) == 1
    assert paths.hops(graph, ["A"], ["Nobody"]) is None
    assert paths.hops(graph, [], ["A"]) is None


def test_hops_go_through_other_names_for_free():
    graph = graph_of(fact("A", "sings_in", "B"), fact("B (tenor)", "alias", "B"), fact("B (tenor)", "sings_in", "C"))
    assert paths.hops(graph, ["A"], ["C"]) == 2


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20), st.integers(0, 8), st.integers(0, 8))
def test_hops_are_those_of_a_plain_search(pairs, left, right):
    import networkx as nx

    graph = graph_of(*(fact(f"n{a}", "sings_in", f"n{b}") for a, b in pairs))
    plain = nx.Graph((f"n{a}", f"n{b}") for a, b in pairs)
    known = f"n{left}" in plain and f"n{right}" in plain and nx.has_path(plain, f"n{left}", f"n{right}")
    distance = nx.shortest_path_length(plain, f"n{left}", f"n{right}") if known else None
    wanted = distance if distance is not None and distance <= 4 else None
    assert paths.hops(graph, [f"n{left}"], [f"n{right}"]) == wanted


def test_a_hub_is_met_from_its_other_side_and_never_expanded(monkeypatch):
    graph = graph_of(*(fact(f"singer {number}", "sings_in", "Choir") for number in range(500)), fact("Aida", "sings_in", "Amneris"))
    monkeypatch.setattr(paths, "BUDGET", 100)
    assert paths.hops(graph, ["singer 1"], ["singer 2"]) == 2
    assert paths.hops(graph, ["Choir"], ["singer 7"]) == 1
    assert paths.hops(graph, ["singer 1"], ["Aida"]) is None


def test_centrality_is_the_share_of_all_facts():
    graph = graph_of(
        fact("A", "sings_in", "B"),
        fact("A", "sings_in", "C"),
        fact("C", "sings_in", "D"),
        fact("C", "sings_in", "E"),
        fact("A", "alias", "Z"),
    )
    assert graph.centrality("a") == graph.centrality("c") - 0.25 == 0.5
    assert graph.centrality("e") == 0.25
    assert graph.centrality("nobody") == 0.0
    assert Hypergraph(ONTOLOGY).centrality("a") == 0.0


def test_a_phrase_is_read_anew_when_a_fact_comes_or_goes() -> None:
    graph = graph_of(fact("Aria", "sings_in", "Oslo"), fact("Berit", "sings_in", "Oslo"))
    assert phrases.read(graph, "the Nightingale").entity is None
    graph.put(fact("Aria", "alias", "The Nightingale", "f-alias"))
    assert phrases.read(graph, "the Nightingale").entity == "aria"
    graph.put(fact("Berit", "alias", "The Nightingale", "f-other"))
    assert phrases.read(graph, "the Nightingale").candidates == ("aria", "berit")
    graph.remove("f-alias")
    assert phrases.read(graph, "the Nightingale").entity == "berit"


def test_what_is_remembered_of_names_and_of_facts_needed_is_asked_anew_when_a_fact_comes_or_goes() -> None:
    graph = graph_of(fact("Aria", "sings_in", "Oslo", "f1"), fact("Oslo", "shares_stage_with", "Rome", "f2"))

    def answers() -> tuple[object, ...]:
        needed = facts_needed("Where does she sing?", "Rome", {"aria"}, {"rome"}, graph)
        return needed, graph.degree("aria"), graph.entities("divina"), graph.names_of("aria"), graph.statements("aria", "sings_in")

    before = answers()
    assert before == answers()
    graph.put(fact("Aria", "alias", "Divina", "f3"), 3)
    graph.put(fact("Divina", "sings_in", "Rome", "f4"), 4)
    needed, degree, entities, names, statements = answers()
    assert (needed, degree, entities, names, len(statements)) == (1, 2, ("aria",), ["Aria", "Divina"], 2)
    graph.remove("f4", 5)
    graph.remove("f3", 6)
    assert answers() == before


def test_what_was_read_is_kept_within_bounds() -> None:
    graph = graph_of(fact("Aria", "sings_in", "Oslo"))
    for number in range(3 * phrases.REMEMBERED):
        phrases.read(graph, f"the singer {number}")
    assert len(graph.readings) <= phrases.REMEMBERED
