"""What the ontology promises: errors that name the place, and the way from words to predicates."""

from __future__ import annotations

import json
import pickle

import pytest

from schemas.errors import ConfigError
from streams.knowledge.ontology import Ontology
from streams.knowledge.relations import PredicateMatch

MUSIC = {
    "predicates": {
        "composed_by": {
            "functional": True,
            "inverse": "composer_of",
            "phrases": ["{object} composed {subject}", "{subject} was set to music by {object}"],
            "nouns": ["composer"],
            "verbs": ["compose"],
        },
        "libretto_by": {"phrases": ["{subject} has words by {object}"], "nouns": ["librettist"], "verbs": ["write"]},
        "premiere_city": {"nouns": ["city of the premiere"], "phrases": ["{subject} was first heard at {object}"]},
        "plays_with": {"symmetric": True, "verbs": ["accompany"], "phrases": ["{subject} shares the stage with {object}"]},
        "length": {"value": "number", "tolerance": 0.1, "nouns": ["length"]},
        "premiere": {"value": "date", "phrases": ["{subject} was first heard in {object}"]},
        "voice": {"phrases": ["{subject} uses {object} as its lead"], "nouns": ["voice"]},
        "part_of": {},
    },
    "chains": [{"premises": ["part_of", "composed_by"], "conclusion": "composed_by"}],
    "classes": ["opera", "Cities"],
}


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return Ontology.from_dict(MUSIC)


@pytest.mark.parametrize(
    ("words", "name", "turned"),
    [
        ("is the composer of", "composed_by", True),
        ("composer of", "composed_by", True),
        ("has as its composer", "composed_by", False),
        ("'s composer is", "composed_by", False),
        ("composer", "composed_by", False),
        ("was composed by", "composed_by", False),
        ("has been composed by", "composed_by", False),
        ("be compose by", "composed_by", False),
        ("composed", "composed_by", True),
        ("also composes", "composed_by", True),
        ("was set to music by", "composed_by", False),
        ("composed_by", "composed_by", False),
        ("composer_of", "composed_by", True),
        ("is accompanied by", "plays_with", False),
        ("accompanies", "plays_with", False),
        ("was first heard at", "premiere_city", False),
        ("was first heard on", "premiere", False),
        ("uses as official lead", "voice", False),
        ("is the most widely used voice of", "voice", True),
        ("common voice", "voice", False),
        ("was the city of the premiere of", "premiere_city", True),
        ("alias", "alias", False),
    ],
)
def test_words_of_a_relation_find_predicate_and_direction(ontology, words, name, turned):
    assert ontology.match_predicate(words) == PredicateMatch(name, turned)


@pytest.mark.parametrize(
    "words", ["is the former composer of", "is the second composer of", "admires", "is", "", "composition of", "'s", "is used in"]
)
def test_words_that_say_something_else_find_nothing(ontology, words):
    assert ontology.match_predicate(words) is None


def test_a_verb_without_a_phrase_has_its_subject_act(ontology):
    assert ontology.match_predicate("wrote") == PredicateMatch("libretto_by", False)


def test_a_predicate_s_name_says_which_side_acts_where_no_phrase_does():
    named = Ontology.from_dict({"predicates": {"painted_by": {"verbs": ["paint"]}}})
    assert named.match_predicate("was painted by") == PredicateMatch("painted_by", False)
    assert named.match_predicate("painted") == PredicateMatch("painted_by", True)


def test_class_nouns_stand_for_each_other_with_what_describes_them():
    some = Ontology.from_dict({"predicates": {"lies_in": {"phrases": ["{subject} is a town in {object}"]}}, "classes": ["town", "village"]})
    for words in ("is a town in", "is a small sleepy village in", "was a village in"):
        assert some.match_predicate(words) == PredicateMatch("lies_in", False)
    for words in ("is the largest town in", "is a former village in", "is a hamlet in", "is a village near", "is in"):
        assert some.match_predicate(words) is None


def test_a_class_noun_behind_a_relation_noun_changes_nothing():
    some = Ontology.from_dict(
        {"predicates": {"seat": {"nouns": ["seat"]}, "lies_in": {"phrases": ["{subject} is a town of {object}"]}}, "classes": ["town"]}
    )
    assert some.match_predicate("is the seat town of") == PredicateMatch("seat", True)
    assert some.match_predicate("is a sleepy town of") == PredicateMatch("lies_in", False)


def test_words_of_two_predicates_are_not_decided_between():
    both = Ontology.from_dict({"predicates": {"painted_by": {"nouns": ["author"]}, "written_by": {"nouns": ["author"]}}})
    assert both.match_predicate("is the author of") is None
    assert [match.name for match in both.match_all("is the author of")] == ["painted_by", "written_by"]


def test_a_question_tells_which_predicates_it_asks_for(ontology):
    assert ontology.predicates_in("Who is the composer of Aida, and who wrote it?") == ["composed_by", "libretto_by"]
    assert ontology.predicates_in("Who were its composers?") == ["composed_by"]
    assert ontology.predicates_in("Is Aida in Italian?") == []


@pytest.mark.parametrize("ending", [".yaml", ".json"])
def test_yaml_and_json_say_the_same(tmp_path, ending, ontology):
    path = tmp_path / f"music{ending}"
    path.write_text(json.dumps(MUSIC), encoding="utf-8")  # JSON is YAML too
    assert Ontology.load(path) == ontology
    assert ontology.classes == {"opera", "cities"}


def test_it_goes_through_pickle_for_worker_processes(ontology):
    ontology.match_predicate("composer of")
    assert pickle.loads(pickle.dumps(ontology)).match_predicate("composer of") == PredicateMatch("composed_by", True)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"predicates": {"by": {"functional": "perhaps"}}}, ["predicate by", "functional", "boolean"]),
        ({"predicates": {"by": {"colour": 1}}}, ["predicate by", "colour"]),
        ({"predicates": {"by": {"phrases": ["{subject} by {whom}"]}}}, ["predicate by", "phrases", "{subject} by {whom}"]),
        ({"predicates": {"by": {"phrases": ["{subject} {object}"]}}}, ["predicate by", "phrases", "no words"]),
        ({"predicates": {"by": {"nouns": [""]}}}, ["predicate by", "nouns"]),
        ({"predicates": {"two words": {}}}, ["two words", "name"]),
        ({"predicates": {"by": {"value": "colour"}}}, ["predicate by", "value"]),
        ({"predicates": {"by": {"tolerance": 0.1}}}, ["predicate by", "tolerance"]),
        ({"predicates": {"by": {"symmetric": True, "inverse": "of"}}}, ["predicate by", "symmetric"]),
        ({"predicates": {"by": {"inverse": "of"}, "of": {}}}, ["predicate by", "inverse", "of"]),
        ({"predicates": {"by": {"inverse": "of"}, "from": {"inverse": "of"}}}, ["predicate from", "inverse", "by"]),
        ({"predicates": {"alias": {"functional": True}}}, ["predicate alias", "reserved"]),
        ({"predicates": {"by": None}, "chains": [{"premises": ["by", "in"], "conclusion": "by"}]}, ["chain 1", "premises", "in"]),
        ({"predicates": {"by": None}, "chains": [{"premises": ["by"], "conclusion": "by"}]}, ["chain 1", "premises"]),
        ({"predicates": ["by"]}, ["mapping", "docs/ontology.md"]),
        ({"predicates": {"by": 3}}, ["predicate by", "mapping"]),
        ({"predicate": {}}, ["no such field", "predicate"]),
        ([], ["mapping"]),
    ],
)
def test_a_wrong_ontology_is_told_by_file_predicate_and_field(tmp_path, document, words):
    path = tmp_path / "wrong.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        Ontology.load(path)
    told = str(raised.value)
    assert all(word in told for word in ["wrong.yaml", *words]), told
    assert "\n" not in told


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"{'a': "])
def test_a_file_that_is_neither_yaml_nor_json_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "torn.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"torn\.yaml"):
        Ontology.load(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml.*cannot be read"):
        Ontology.load(tmp_path / "none.yaml")


def test_an_empty_ontology_takes_every_predicate_as_non_functional():
    empty = Ontology.from_dict({})
    assert not empty
    assert not empty["painted"].functional
    assert empty.match_predicate("painted") == PredicateMatch("painted", False)
