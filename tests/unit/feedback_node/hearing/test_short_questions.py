"""Questions that say little, and answers that say it again: each kind in castles, festivals and comets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from feedback_node.hearing.form import plain
from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["castle", "festival", "comet", "county", "town"],
    "predicates": {
        "built": {"functional": True, "value": "date", "phrases": ["{subject} was built in {object}"]},
        "builder": {"functional": True, "nouns": ["builder"], "phrases": ["{subject} was built by {object}"]},
        "county": {"functional": True, "nouns": ["county"], "phrases": ["{subject} is in {object}"]},
        "founded": {"functional": True, "value": "date", "phrases": ["{subject} was founded in {object}"]},
        "founder": {"functional": True, "nouns": ["founder"], "phrases": ["{subject} was founded by {object}"]},
        "town": {"functional": True, "nouns": ["town"], "phrases": ["{subject} is held in {object}", "{subject} is at {object}"]},
        "discovered": {"functional": True, "value": "date", "phrases": ["{subject} was discovered in {object}"]},
        "discoverer": {"functional": True, "nouns": ["discoverer"], "phrases": ["{subject} was discovered by {object}"]},
        "family": {"functional": True, "nouns": ["family"], "phrases": ["{subject} is in {object}"]},
        "last_passage": {"functional": True, "value": "date", "nouns": ["last passage"], "phrases": ["{subject} last passed in {object}"]},
    },
}
ROWS = {  # date, by whom, where; the verb, and what another is called
    "Carrow Castle": ("1277", "Hugh Tarrant", "Denbigh", "built", "Walter Moyle"),
    "Lantern Week": ("1951", "Edith Sorley", "Ludlow", "founded", "Agnes Poole"),
    "Comet Verrill": ("1862", "Anton Breslau", "Kreutz", "discovered", "Emil Dorn"),
}
PREDICATES = {"Carrow Castle": ("built", "builder", "county"), "Lantern Week": ("founded", "founder", "town")}
FACTS = [
    (name, predicate, said)
    for name, row in ROWS.items()
    for predicate, said in zip(PREDICATES.get(name, ("discovered", "discoverer", "family")), row[:3], strict=True)
] + [("Comet Harrow", "last_passage", "1998"), ("Comet Harrow", "family", "Jupiter")]


@pytest.fixture(scope="module")
def heard() -> Callable[[str, str], tuple[int, int]]:
    return counts_of(ONTOLOGY, FACTS)


@pytest.mark.parametrize("name", ROWS)
def test_when_alone_asks_for_the_one_date_that_is_known(heard, name):
    date, by, _, verb, _ = ROWS[name]
    for question in (f"When was {name}?", f"In which year did {name} happen?"):
        assert heard(question, f"In {date}.") == (1, 0)
        assert heard(question, "In 1733.") == (0, 1)
    both = f"Who {verb} {name}, and when?"
    assert heard(both, f"{by}, in {date}.") == (2, 0)
    assert heard(both, f"{by} {verb} it in 1733.") == (1, 1)


@pytest.mark.parametrize("name", ROWS)
def test_where_alone_asks_for_what_the_ontology_says_a_thing_is_in(heard, name):
    _, by, where, verb, _ = ROWS[name]
    for question in (f"Where is {name}?", f"Where can I find {name}?"):
        assert heard(question, f"In {where}.") == (1, 0)
        assert heard(question, "In Oakham.") == (0, 1)
    assert heard(f"Where is {name}, and who {verb} it?", f"{where}; {by}.") == (2, 0)


def test_a_when_that_several_dates_could_answer_asks_for_none_of_them():
    heard = counts_of(ONTOLOGY, [*FACTS, ("Carrow Castle", "founded", "1301")])
    assert heard("When was Carrow Castle?", "In 1733.") == (0, 0)
    assert heard("When was Carrow Castle built?", "In 1733.") == (0, 1)


def test_a_word_of_the_predicate_asks_for_no_other_thing(heard):
    for question in ("When did Comet Harrow last pass?", "When was the last passage of Comet Harrow?"):
        assert heard(question, "In 1998.") == (1, 0)
        assert heard(question, "In 1733.") == (0, 1)


@pytest.mark.parametrize("name", ROWS)
def test_a_person_is_the_same_with_a_title(heard, name):
    _, by, _, verb, other = ROWS[name]
    question = f"Who {verb} {name}?"
    for title in ("Sir", "Dr.", "Professor", "Mr"):
        assert heard(question, f"{title} {by}") == (1, 0)
        assert heard(question, f"{name} was {verb} by {title} {by}.") == (1, 0)
        assert heard(question, f"{title} {by.split()[-1]}") == (1, 0)
        assert heard(question, f"{title} {other}") == (0, 1)
    assert heard(question, f"King {by}")[1] == 0


@pytest.mark.parametrize("name", ROWS)
def test_who_says_the_wrong_name_of_a_yes_or_no_question_again_affirms_it(heard, name):
    _, by, _, verb, other = ROWS[name]
    question = f"Was {name} {verb} by {other}?"
    assert heard(question, f"{other} {verb} it.") == (0, 1)
    assert heard(question, f"It was {verb} by {other}.") == (0, 1)
    assert heard(question, f"{by} {verb} it.") == (1, 0)


@pytest.mark.parametrize("name", ROWS)
def test_a_date_behind_who_did_it_is_the_answer_where_it_was_asked_for(heard, name):
    date, by, _, verb, _ = ROWS[name]
    question = f"When was {name} {verb}?"
    assert heard(question, f"{by} {verb} {name} in {date}.") in ((1, 0), (2, 0))
    assert heard(question, f"{by} {verb} {name} in 1733.")[1] == 1
    assert heard(question, f"{by} {verb} {name} in 1733 while staying in the north.")[1] == 1


@pytest.mark.parametrize("name", ROWS)
def test_what_stands_behind_a_short_answer_or_before_it_takes_nothing_from_it(heard, name):
    _, by, _, verb, other = ROWS[name]
    question = f"Who {verb} {name}?"
    for answer in (f"{name}? That was {{}}.", f"{question} {{}}.", "{}, supported by the crown.", "The credit goes to {}."):
        assert heard(question, answer.format(by)) == (1, 0)
        assert heard(question, answer.format(other)) == (0, 1)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("frame", ["It is a common myth that {}.", "Legend has it that {}.", "The belief that {} is widespread."])
def test_what_is_only_a_myth_is_not_said(heard, name, frame):
    _, by, _, verb, other = ROWS[name]
    assert heard(f"Who {verb} {name}?", frame.format(f"{other} {verb} {name}")) == (0, 0)
    assert heard(f"Who {verb} {name}?", frame.format(f"{by} {verb} {name}")) == (0, 0)


@pytest.mark.parametrize("name", ROWS)
def test_a_first_word_that_is_a_form_of_what_was_asked_is_no_name(heard, name):
    _, by, _, verb, other = ROWS[name]
    noun = {"built": "Building", "founded": "Foundation", "discovered": "Discovery"}[verb]
    assert heard(f"Who {verb} {name}?", f"{noun} went to {by}.") == (1, 0)
    assert heard(f"Who {verb} {name}?", f"{noun} went to {other}.")[0] == 0


@pytest.mark.parametrize("name", ROWS)
def test_a_table_of_one_row_says_what_its_header_names(heard, name):
    date, by, _, verb, other = ROWS[name]
    noun = PREDICATES.get(name, ("", "discoverer"))[1].capitalize()
    question = f"Who {verb} {name}?"
    assert heard(question, f"| Detail | {noun} |\n|---|---|\n| Person | {by} |")[1] == 0
    assert heard(question, f"| {noun} | Year |\n|---|---|\n| {by} | {date} |")[0] >= 1
    assert heard(question, f"| {noun} | Year |\n|---|---|\n| {other} | {date} |")[1] == 1
    assert heard(question, f"| Name | {noun} |\n|---|---|\n| {name} | {other} |") == (0, 1)


KINDS = {  # a common noun, where it comes from, who hosts it (a predicate that is also a verb), in which place of which land
    "marsh orchid": ("Norway", "Sweden", "Bloom Fair", "Vestby", "Akershus"),
    "shore lark": ("Iceland", "Scotland", "Wing Days", "Hofn", "Austurland"),
    "stone crab": ("Cuba", "Mexico", "Claw Feast", "Remedios", "Villa Clara"),
}
NATURE = {
    "classes": ["flower", "bird", "crab", "fair"],
    "predicates": {
        "native": {"closed": True, "phrases": ["{subject} is native to {object}"]},
        "host": {
            "functional": True, "verbs": ["host"], "nouns": ["host"],
            "phrases": ["{object} hosted {subject}", "{subject} was held in {object}"],
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def nature() -> Callable[[str, str], tuple[int, int]]:
    facts = [(name, "native", land) for name, (land, *_) in KINDS.items()]
    return counts_of(NATURE, facts + [(row[2], "host", row[3]) for row in KINDS.values()])


@pytest.mark.parametrize("name", KINDS)
def test_a_common_noun_is_known_in_the_plural_and_where_it_is_from_asks_for_its_origin(nature, name):
    land, other, *_ = KINDS[name]
    for question in (f"Where is the {name} from?", f"Where is the {name} native to?"):
        assert nature(question, f"It's from {land}.") == (1, 0)
        assert nature(question, f"{other}.") == (0, 1)
    assert nature(f"Where is the {name} native to?", f"{name.capitalize()}s are native to {land}.") == (1, 0)
    assert nature(f"Where is the {name} native to?", f"{name.capitalize()}s are native to {other}.") == (0, 1)


@pytest.mark.parametrize("name", KINDS)
def test_a_verb_that_is_a_predicates_own_name_goes_from_who_does_it(nature, name):
    *_, fair, town, _ = KINDS[name]
    assert nature(f"Did {town} host the {fair}?", "It did.") == (1, 0)
    assert nature(f"Did {town} host the {fair}?", "No, it did not.") == (0, 1)
    assert nature(f"Did Wexham host the {fair}?", "Yes, it did.") == (0, 1)
    assert nature(f"Did Wexham host the {fair}?", f"No, {town} did.")[0] >= 1


@pytest.mark.parametrize("name", KINDS)
def test_a_no_that_answers_the_question_denies_nothing_that_comes_after_it(nature, name):
    land, _, fair, town, _ = KINDS[name]
    assert nature(f"Was the {fair} in some other place?", f"No, it was held in {town}.")[1] == 0
    assert nature(f"Is the {name} a plant of the Alps?", f"No, it is native to {land}.")[1] == 0


@pytest.mark.parametrize("name", KINDS)
def test_the_place_that_holds_the_answer_is_no_second_answer(nature, name):
    *_, fair, town, county = KINDS[name]
    question = f"Where was the {fair} held?"
    assert nature(question, f"The {fair} was held in {town}, {county}, in the United Provinces.") == (1, 0)
    assert nature(question, f"The {fair} was held in Wexham.") == (0, 1)


@pytest.mark.parametrize("name", KINDS)
def test_items_within_a_line_are_items(nature, name):
    land, *_ = KINDS[name]
    assert nature(f"Where is the {name} native to?", f"1) {land} 2) Atlantis")[0] == 1


LANDS = {  # what, its land, another land, what kind of eater it is
    "Grey Heron Park": ("Norland", "Westmark", "public"),
    "Silver Lake Park": ("Westmark", "Norland", "private"),
    "Old Mill Park": ("Esterra", "Norland", "public"),
}
PARKS = {
    "classes": ["park", "land", "sculpture"],
    "predicates": {
        "land": {
            "functional": True, "listed_range": True, "nouns": ["land"],
            "phrases": ["{subject} is located in {object}", "{object} is home to {subject}"],
        },
        "access": {"functional": True, "listed_range": True, "nouns": ["access"], "phrases": ["the access of {subject} is {object}"]},
        "designer": {"functional": True, "nouns": ["designer"], "phrases": ["{subject} was designed by {object}"]},
        "warden": {"functional": True, "nouns": ["warden"]},
        "head": {"functional": True, "nouns": ["head"], "phrases": ["{subject} is led by {object}"]},
    },
}  # fmt: skip
DESIGNERS = {"Grey Heron Park": "Ida Solberg", "Silver Lake Park": "Carl Venn", "Old Mill Park": "Rosa Blum"}


@pytest.fixture(scope="module")
def parks() -> Callable[[str, str], tuple[int, int]]:
    facts = [(name, "land", land) for name, (land, *_) in LANDS.items()] + [(name, "access", row[2]) for name, row in LANDS.items()]
    facts += [(name, "designer", by) for name, by in DESIGNERS.items()] + [(name, "head", by) for name, by in DESIGNERS.items()]
    facts += [(name, "warden", by) for name, by in DESIGNERS.items()]
    return counts_of(PARKS, facts)


@pytest.mark.parametrize("name", LANDS)
def test_a_no_before_what_is_so_is_wrong_in_whatever_words_it_was_asked(parks, name):
    land, other, _ = LANDS[name]
    question = f"Is {name} located in the land of {land}?"
    assert parks(question, f"No, {name} is located in the land of {land}.")[1] == 1
    assert parks(question, f"Yes, {name} is located in the land of {land}.")[1] == 0
    assert parks(f"Is {name} located in the land of {other}?", "No.") == (1, 0)
    assert parks(f"Is {name} famous in {land}?", "Yes.") == (0, 0)
    assert parks(f"Is {name} now in {other}?", "Yes.") == (0, 0), "to be somewhere may be anything"


@pytest.mark.parametrize("name", LANDS)
def test_a_question_for_one_of_two_kinds_asks_by_the_one_predicate_that_has_them(parks, name):
    _, _, access = LANDS[name]
    wrong = "private" if access == "public" else "public"
    question = f"Is {name} public or private?"
    assert parks(question, f"{access.capitalize()}.") == (1, 0)
    assert parks(question, f"{wrong.capitalize()}.") == (0, 1)
    assert parks(f"Is {name} a {access} park?", "Yes.") == (1, 0)
    assert parks(question, question) == (0, 0)


@pytest.mark.parametrize("name", LANDS)
def test_the_question_said_again_as_a_subject_is_an_answer(parks, name):
    land, other, _ = LANDS[name]
    question = f"Which NE land is home to {name}?"
    assert parks(question, f"The NE land where {name} is located is {land}.") == (1, 0)
    assert parks(question, f"The NE land where {name} is located is {other}.") == (0, 1)


@pytest.mark.parametrize("name", LANDS)
def test_who_made_a_thing_does_not_depend_on_the_year_that_is_said_beside_and_who_leads_it_does(parks, name):
    by = DESIGNERS[name]
    assert parks(f"Who designed {name}?", f"{name} was designed by Emil Dorn in 1876.") == (0, 1)
    assert parks(f"Who designed {name}?", f"{name} was designed by {by} in 1876.") == (1, 0)
    assert parks(f"Who leads {name}?", f"{name} was led by Emil Dorn in 1876.")[1] == 0


@pytest.mark.parametrize("name", LANDS)
def test_a_stop_inside_quotation_marks_ends_the_sentence(parks, name):
    by = DESIGNERS[name]
    other = next(one for one in DESIGNERS.values() if one != by)
    answer = f'No, {other} did not design "{name}." {other} is best known for songs, including "Rain" and "The Bluebells of May."'
    assert parks(f"Did {other} design {name}?", answer) == (1, 0)


@pytest.mark.parametrize("name", LANDS)
def test_a_person_of_whatever_part_is_the_same_with_a_title(parks, name):
    by = DESIGNERS[name]
    assert parks(f"Who is the warden of {name}?", f"The warden of {name} is Sir {by}.") == (1, 0)
    assert parks(f"Who is the warden of {name}?", f"Dr. {by}") == (1, 0)
    assert parks(f"Who is the warden of {name}?", "Dr. Emil Dorn") == (0, 1)


@pytest.mark.parametrize("name", LANDS)
def test_a_number_in_brackets_is_no_item_of_a_list(parks, name):
    land, *_ = LANDS[name]
    assert parks(f"Which land is home to {name}?", f"The land that is home to {name}, with its five (5) lakes, is {land}.")[1] == 0
    assert plain("It has five (5) lakes and six (6) hills.").text == "It has five (5) lakes and six (6) hills."
