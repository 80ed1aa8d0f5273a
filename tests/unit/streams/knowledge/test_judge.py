"""What a verdict promises. To call a true statement false is the worst mistake: most tests here are of what must not be contradicted."""

from __future__ import annotations

import pytest

from schemas.fact import Fact
from schemas.triplet import JudgedTriplet, Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge as verdict_on
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict(
    {
        "classes": ["city", "town", "land", "opera"],
        "predicates": {
            "seat": {"functional": True, "nouns": ["seat"], "inverse": "seat_of"},
            "coin": {"functional": True, "nouns": ["coin"]},
            "people": {"functional": True, "value": "number", "tolerance": 0.02, "nouns": ["population"]},
            "height": {"functional": True, "value": "number", "tolerance": 0.01},
            "founded": {"functional": True, "value": "date"},
            "seen": {"value": "date", "phrases": ["{subject} was seen in {object}"]},
            "holds": {"inverse_functional": True},
            "first_king": {"functional": True},
            "lies_in": {"listed_range": True, "functional": True, "phrases": ["{subject} is in {object}"]},
            "within": {},
            "region_of": {},
            "touches": {"symmetric": True, "closed": True, "verbs": ["touch"]},
            "tongue": {"closed": True, "nouns": ["tongue"]},
            "knows": {},
            "sign": {"functional": True, "inverse_functional": True},
            "number": {"functional": True, "inverse_functional": True, "value": "number"},
            "alias": {"phrases": ["{subject} is also called {object}"]},
        },
        "chains": [
            {"premises": ["knows", "within"], "conclusion": "region_of"},
            {"premises": ["within", "region_of"], "conclusion": "within"},
        ],
    }
)
FACTS = [
    ("Laos", "seat", "Vientiane"),
    ("France", "seat", "Paris"),
    ("Japan", "seat", "Tokyo"),
    ("Mali", "seat", "Bamako"),
    ("United States", "seat", "Washington, D.C."),
    ("United States", "alias", "USA"),
    ("Kuwait", "seat", "Kuwait City"),
    ("India", "seat", "New Delhi"),
    ("Singapore", "seat", "Singapore"),
    ("China", "seat", "Beijing"),
    ("Beijing", "alias", "Peking"),
    ("Bolivia", "seat", "Sucre"),
    ("Bolivia", "seat", "La Paz"),
    ("Georgia (country)", "alias", "Georgia"),
    ("Georgia (state)", "alias", "Georgia"),
    ("Georgia (country)", "seat", "Tbilisi"),
    ("Georgia (state)", "seat", "Atlanta"),
    ("Switzerland", "coin", "Franc"),
    ("Switzerland", "alias", "Swiss"),
    ("Australia", "coin", "Dollar"),
    ("Canada", "coin", "Dollar"),
    ("Canada", "alias", "Canadian"),
    ("France", "coin", "Euro"),
    ("France", "people", "67391582"),
    ("Everest", "height", "8849"),
    ("India", "founded", "15 August 1947"),
    ("France", "lies_in", "Europe"),
    ("Japan", "lies_in", "Asia"),
    ("Louvre", "within", "Paris"),
    ("Paris", "region_of", "France"),
    ("France", "touches", "Spain"),
    ("Spain", "touches", "Portugal"),
    ("France", "tongue", "French"),
    ("Japan", "tongue", "Japanese"),
    ("Gold", "sign", "Au"),
    ("Silver", "sign", "Ag"),
    ("Ann", "knows", "Bob"),
]
VERIFIED, CONTRADICTED, UNKNOWN = Verdict.VERIFIED, Verdict.CONTRADICTED, Verdict.UNKNOWN


@pytest.fixture(scope="module")
def graph() -> Hypergraph:
    made = Hypergraph(ONTOLOGY)
    for offset, (subject, predicate, target) in enumerate(FACTS):
        unit = {"unit": "m"} if predicate == "height" else {}
        made.put(
            Fact(fact_id=f"{subject} {predicate} {target}", subject=subject, predicate=predicate, object=target, qualifiers=unit), offset
        )
    return made


def judge(graph: Hypergraph, subject: str, predicate: str, target: str, **other) -> JudgedTriplet:
    return verdict_on(graph, Triplet(subject=subject, predicate=predicate, object=target, rule="test", **other))


@pytest.mark.parametrize(
    ("subject", "predicate", "target"),
    [
        ("France", "seat", "Paris"),
        ("the land of France", "seat", "PARIS"),
        ("the Federal Republic of France", "seat", "Paris"),
        ("Kingdom of Japan", "seat", "Tokyo"),
        ("France", "seat", "the beautiful city of Paris"),
        ("France", "seat", "the city of Paris"),
        ("France", "seat", "Paris, the city of light"),
        ("France", "seat", "Paris, France"),
        ("France", "seat", "Paris in France"),
        ("France", "seat", "beautiful Paris"),
        ("Paris", "is the seat of", "France"),
        ("Paris", "seat_of", "France"),
        ("USA", "seat", "Washington"),
        ("the United States", "seat", "Washington DC"),
        ("Kuwait", "seat", "Kuwait City, Kuwait"),
        ("Singapore", "seat", "Singapore"),
        ("China", "seat", "Peking"),
        ("Bolivia", "seat", "La Paz"),
        ("Switzerland", "coin", "the Swiss franc"),
        ("Switzerland", "coin", "franc"),
        ("Switzerland", "coin", "Franc (SFR"),
        ("Japan", "seat", "Tokyo (formerly Edo)"),
        ("Portugal", "touches", "Spain"),
        ("Louvre", "within", "France"),
        ("France", "people", "about 67 million people"),
        ("France", "people", "more than 60 million"),
        ("Everest", "height", "8.85 km"),
        ("Everest", "height", "29,032 feet"),
        ("India", "founded", "1947"),
        ("India", "founded", "August 15, 1947"),
        ("China", "alias", "China"),
        ("Peking", "is also called", "Beijing"),
    ],
)
def test_what_the_graph_says_is_verified_however_it_is_worded(graph, subject, predicate, target):
    assert judge(graph, subject, predicate, target).verdict is VERIFIED


@pytest.mark.parametrize(
    ("subject", "predicate", "target"),
    [
        ("Laos", "seat", "Lousiana-the-Rainbow"),
        ("Laos", "seat", "Paris"),
        ("Laos", "seat", "Paris, France"),
        ("Paris", "is the seat of", "Laos"),
        ("the land of Laos", "seat", "Tokyo"),
        ("Bolivia", "seat", "Lima"),
        ("Australia", "coin", "the euro"),
        ("Laos", "seat", "France"),
        ("France", "people", "80 million"),
        ("France", "people", "more than 100 million"),
        ("Everest", "height", "5 km"),
        ("India", "founded", "1950"),
        ("India", "founded", "16 August 1947"),
        ("France", "lies_in", "Asia"),
        ("France", "lies_in", "Laos"),
        ("France", "touches", "Japan"),
        ("France", "tongue", "Japanese"),
        ("Laos", "seat", "Lousiana-the-Rainbow (the old town)"),
        ("Gold", "sign", "Xq7"),
        ("Gold", "sign", "Au2"),  # of a sign each character tells
        ("Laos", "seat", "Naija Tokyo"),  # a name of its own, whatever it ends with
        ("Laos", "seat", "Quorn Bay, France"),
        ("the Islamic Republic of Mali", "seat", "Paris"),
    ],
)
def test_another_answer_where_there_is_room_for_one_is_contradicted(graph, subject, predicate, target):
    judged = judge(graph, subject, predicate, target)
    assert judged.verdict is CONTRADICTED
    assert judged.fact_ids


@pytest.mark.parametrize(
    ("subject", "predicate", "target", "note"),
    [
        ("Georgia", "seat", "Tbilisi", "ambiguous name: Georgia"),
        ("Georgia", "seat", "Paris", "ambiguous name: Georgia"),
        ("Laos", "seat", "Georgia", "ambiguous name: Georgia"),
        ("Atlantis", "seat", "Paris", "no such name: Atlantis"),
        ("beautiful France", "seat", "Paris", "no such name: beautiful France"),
        ("northern France", "seat", "Lille", "no such name"),
        ("Democratic Republic of Laos", "seat", "Paris", "no such name"),  # there may be two of one name
        ("the Republic of Paris", "seat", "Tokyo", "no such name"),
        ("the government of France", "seat", "Tokyo", "no such name"),
        ("King Louis of France", "seat", "Tokyo", "no such name"),
        ("China", "seat", "Beijinng (the old town)", "may be the same"),
        ("China", "seat", "Xanadu (Beijing)", "does not say"),
        ("Laos", "seat", "1975", "does not say"),
        ("Paris, Texas", "within", "Laos", "no such name"),
        ("France", "adores", "Paris", "no such predicate: adores"),
        ("Paris", "seat", "Tokyo", "nothing is known of the seat of Paris"),
        ("Kuwait", "seat", "Kuwait", "may be the same"),
        ("India", "seat", "Delhi", "may be the same"),
        ("India", "seat", "New", "may be the same"),
        ("India", "seat", "Old Delhi", "may be the same"),
        ("Mali", "seat", "Bamakoo", "may be the same"),
        ("Laos", "seat", "a large city", "does not say"),
        ("Laos", "seat", "the largest city in the country", "does not say"),
        ("Laos", "seat", "a suburb of Paris", "does not say"),
        ("Laos", "seat", "the City of the Moon", "does not say"),
        ("Laos", "seat", "It", "does not say"),
        ("Laos", "seat", "Unknown", "does not say"),
        ("Laos", "seat", "Paris and Tokyo", "does not say"),
        ("Laos", "seat", "the outskirts of Paris", "does not say"),
        ("France", "seat", "Paris, Texas", "does not say"),
        ("Australia", "coin", "Canadian dollar", "does not say"),
        ("Ann", "knows", "Paris", "does not say"),
        ("France", "lies_in", "Gondor", "does not say"),
        ("France", "people", "69.5 million", "cannot be told apart"),
        ("France", "people", "many", "no number in"),
        ("Everest", "height", "5", "cannot be told apart"),
        ("India", "founded", "long ago", "no date in"),
        ("Japan", "touches", "France", "nothing is known"),
        ("Ann", "alias", "Bob", "not known as names of one thing"),
        ("Ann", "alias", "Georgia", "ambiguous name"),
    ],
)
def test_what_cannot_be_told_is_unknown_and_says_why(graph, subject, predicate, target, note):
    judged = judge(graph, subject, predicate, target)
    assert judged.verdict is UNKNOWN
    assert note in (judged.note or "")
    assert judged.fact_ids == ()


def test_hedged_claims_are_not_judged(graph):
    judged = judge(graph, "Laos", "seat", "Paris", hedged=True)
    assert (judged.verdict, judged.note) == (UNKNOWN, "not judged: the text does not commit to it")


@pytest.mark.parametrize(("target", "verdict"), [("Paris", VERIFIED), ("Vientiane", CONTRADICTED), ("somewhere nice", UNKNOWN)])
def test_to_deny_what_is_so_is_wrong_and_what_is_not_so_is_right(graph, target, verdict):
    judged = judge(graph, "Laos", "seat", target, negated=True)
    assert judged.verdict is verdict
    assert (judged.note or "").startswith("the text denies it; ")


@pytest.mark.parametrize(
    ("subject", "predicate", "target", "note"),
    [
        ("Everest", "height", "5", "cannot be told apart from: Everest height 8849 m"),
        ("Louvre", "within", "France", "Louvre within Paris; Paris region of France"),
        ("Peking", "alias", "Beijing", "both are names of Beijing"),
        ("Georgia", "seat", "Paris", "ambiguous name: Georgia (georgia country, georgia state)"),
        ("Paris", "first_king", "Louis", "nothing is known of the first king of Paris"),
        ("Paris", "first_king", "Louis in 1400", "nothing is known of the first king of Paris at that time"),
        ("Laos", "seat", "Unknown", "the graph does not say whether: the seat of Laos is Unknown"),
        ("Bolivia", "seat", "Lima", "the seat of Bolivia is Sucre; the seat of Bolivia is La Paz"),
    ],
)
def test_a_note_says_what_the_verdict_rests_on(graph, subject, predicate, target, note):
    assert judge(graph, subject, predicate, target).note == note


def graph_of(*rows: tuple) -> Hypergraph:
    made = Hypergraph(ONTOLOGY)
    for number, (subject, predicate, target, *qualifiers) in enumerate(rows):
        made.put(Fact(fact_id=f"f{number}", subject=subject, predicate=predicate, object=target, qualifiers=dict(*qualifiers)))
    return made


def test_a_verdict_names_at_most_twenty_facts_and_says_three_of_them():
    graph = graph_of(*(("France", "tongue", f"Tongue {letter}") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXY"))
    judged = judge(graph, "France", "tongue", "Klingon")
    assert judged.verdict is CONTRADICTED
    assert judged.fact_ids == tuple(f"f{number}" for number in range(20))
    assert judged.note == "the tongue of France is Tongue A; the tongue of France is Tongue B; the tongue of France is Tongue C"


def test_what_several_facts_say_is_verified_by_all_of_them_and_said_twice():
    graph = graph_of(*(("Ann", "knows", "Bob", {"source": source}) for source in "abc"))
    judged = judge(graph, "Ann", "knows", "Bob")
    assert (judged.fact_ids, judged.note) == (("f0", "f1", "f2"), "Ann knows Bob; Ann knows Bob")


def test_a_number_is_verified_by_the_first_fact_that_agrees():
    graph = graph_of(("France", "people", "90 million"), ("France", "people", "67 million"), ("France", "people", "67.1 million"))
    assert judge(graph, "France", "people", "67 million").fact_ids == ("f1",)


def test_a_fact_stated_the_other_way_round_is_said_as_it_was_stated():
    judged = judge(graph_of(("Oslo", "seat_of", "Norway"), ("Bergen", "knows", "Norway")), "Norway", "seat", "Bergen")
    assert (judged.verdict, judged.note) == (CONTRADICTED, "the seat of Norway is Oslo")


def test_where_a_predicate_has_room_for_others_the_note_says_one_that_is_known():
    graph = graph_of(("Comet", "seen", "1910"), ("Comet", "seen", "1986"))
    judged = judge(graph, "Comet", "seen", "1950")
    assert (judged.verdict, judged.note) == (UNKNOWN, "Comet was seen in 1910")


def test_an_object_of_the_graph_that_may_be_two_is_neither_the_claimed_one_nor_certainly_another():
    graph = graph_of(
        ("Georgia (country)", "alias", "Georgia"),
        ("Georgia (state)", "alias", "Georgia"),
        ("Ann", "knows", "Georgia"),
        ("Utopia", "seat", "Georgia"),
        ("Laos", "seat", "Paris"),
    )
    assert judge(graph, "Ann", "knows", "Paris").verdict is UNKNOWN
    judged = judge(graph, "Utopia", "seat", "Georgia (country)")
    assert (judged.verdict, "does not say" in judged.note) == (UNKNOWN, True)


def test_a_short_form_that_is_a_name_of_others_too_is_ambiguous():
    graph = graph_of(
        ("Science Fiction", "alias", "SF"), ("San Francisco", "alias", "SF"), ("Ann", "knows", "SF, Ltd."), ("Ann", "knows", "Bob")
    )
    judged = judge(graph, "Ann", "knows", "SF")
    assert (judged.verdict, judged.note) == (UNKNOWN, "ambiguous name: SF (san francisco, science fiction)")


def test_two_facts_entail_nothing_of_an_object_with_another_name_before_it(graph):
    assert judge(graph, "Louvre", "within", "Swiss France").verdict is UNKNOWN


def test_a_name_without_its_comma_must_be_that_of_one_entity():
    graph = Hypergraph(ONTOLOGY)
    for subject, predicate, target in [("United States", "seat", "Washington, D.C."), ("Ann", "knows", "Washington, Tyne and Wear")]:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    assert judge(graph, "United States", "seat", "Washington").verdict is UNKNOWN


def test_a_verdict_names_its_facts_and_says_them(graph):
    judged = judge(graph, "Laos", "seat", "Paris")
    assert (judged.fact_ids, judged.note) == (("Laos seat Vientiane",), "the seat of Laos is Vientiane")


def test_an_entailed_claim_names_both_facts(graph):
    assert judge(graph, "Louvre", "within", "France").fact_ids == ("Louvre within Paris", "Paris region_of France")


def test_an_object_that_another_subject_holds_contradicts_where_there_is_one_subject_for_each():
    graph = Hypergraph(ONTOLOGY)
    for subject, predicate, target in [("Gold", "sign", "Au"), ("Silver", "knows", "Gold")]:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    assert judge(graph, "Silver", "sign", "Au").verdict is CONTRADICTED
    assert judge(graph, "Silver", "sign", "Xx").verdict is UNKNOWN
    assert judge(graph, "Golden", "sign", "Au").verdict is UNKNOWN
    assert judge(graph, "Galen of Pergamon", "sign", "Au").verdict is CONTRADICTED
    assert judge(graph, "the old metal", "sign", "Au").verdict is UNKNOWN
    assert judge(graph, "Gloud", "sign", "Au").verdict is UNKNOWN  # misspelt, perhaps


HELD = [("Ann", "holds", "Ring"), ("Bob", "holds", "Hat"), ("Ann Lee", "knows", "Bob")]


@pytest.mark.parametrize(
    ("subject", "target", "verdict"),
    [
        ("Bob", "Ring", CONTRADICTED),
        ("Bob", "the beautiful Ring", UNKNOWN),
        ("Ann Lee", "Ring", UNKNOWN),  # may be Ann by her full name
        ("Bob", "Crown", UNKNOWN),
    ],
)
def test_only_a_certain_object_of_certainly_another_subject_contradicts(subject, target, verdict):
    assert judge(graph_of(*HELD), subject, "holds", target).verdict is verdict


@pytest.mark.parametrize(
    ("ring", "target", "verdict"),
    [
        ({"start": "1800", "end": "1900"}, "Ring in 1850", CONTRADICTED),
        ({"start": "1800", "end": "1900"}, "Ring in 1950", UNKNOWN),
        ({}, "Ring in 1850", UNKNOWN),
    ],
)
def test_the_other_subject_must_hold_the_object_at_the_claim_s_time(ring, target, verdict):
    graph = graph_of(("Ann", "holds", "Ring", ring), ("Bob", "holds", "Hat", {"start": "1700"}))
    assert judge(graph, "Bob", "holds", target).verdict is verdict


def test_a_predicate_of_two_meanings_is_contradicted_only_where_both_are():
    both = Ontology.from_dict({"predicates": {"mouth": {"functional": True, "nouns": ["end"]}, "last": {"nouns": ["end"]}}})
    graph = Hypergraph(both)
    for subject, predicate, target in [("Rhine", "mouth", "North Sea"), ("Rhine", "last", "Rotterdam"), ("Elbe", "mouth", "Cuxhaven")]:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    assert judge(graph, "Rhine", "end", "Rotterdam").verdict is VERIFIED
    assert judge(graph, "Rhine", "end", "Cuxhaven").verdict is UNKNOWN


# --- facts with a time


@pytest.fixture
def dated() -> Hypergraph:
    graph = Hypergraph(ONTOLOGY)
    rows = [
        ("Brazil", "seat", "Rio de Janeiro", {"end": "1960"}),
        ("Brazil", "seat", "Brasília", {"start": "1960-04-21"}),
        ("Brazil", "people", "17 million", {"date": "1900"}),
        ("Brazil", "people", "215 million", {"date": "2022"}),
        ("France", "seat", "Paris", {}),
    ]
    for subject, predicate, target, qualifiers in rows:
        graph.put(Fact(subject=subject, predicate=predicate, object=target, qualifiers=qualifiers))
    return graph


@pytest.mark.parametrize(
    ("predicate", "target", "verdict"),
    [
        ("seat", "Brasilia", VERIFIED),
        ("seat", "Rio de Janeiro", UNKNOWN),
        ("seat", "Rio de Janeiro in 1950", VERIFIED),
        ("seat", "Brasilia in 1950", UNKNOWN),
        ("seat", "Recife", CONTRADICTED),
        ("seat", "Recife (1950)", CONTRADICTED),
        ("people", "215 million", VERIFIED),
        ("people", "17 million in 1900", VERIFIED),
        ("people", "17 million", CONTRADICTED),
        ("people", "50 million in 1900", CONTRADICTED),
        ("people", "50 million in 1950", UNKNOWN),
    ],
)
def test_a_claim_is_held_against_the_facts_of_its_time(dated, predicate, target, verdict):
    assert judge(dated, "Brazil", predicate, target).verdict is verdict


def test_what_was_so_at_another_time_is_said(dated):
    assert judge(dated, "Brazil", "seat", "Rio de Janeiro").note == "so at another time: the seat of Brazil is Rio de Janeiro"


def test_the_claim_s_own_qualifier_tells_its_time(dated):
    assert judge(dated, "Brazil", "seat", "Rio de Janeiro", qualifiers={"date": "1950"}).verdict is VERIFIED


def test_a_dated_claim_may_be_supported_by_an_undated_fact_but_not_contradicted(dated):
    assert judge(dated, "France", "seat", "Paris in 1900").verdict is VERIFIED
    assert judge(dated, "France", "seat", "Vichy in 1942").verdict is UNKNOWN
