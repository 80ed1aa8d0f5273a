import pytest

from schemas.fact import Fact
from streams.augmenter.graph_paraphrase import as_gaps, with_descriptions, with_other_names
from streams.augmenter.paraphrase import Recipe, Text, paraphrases
from streams.augmenter.reading import is_phrase, is_same_but_for
from streams.augmenter.rephrasing import with_other_words
from streams.augmenter.synonyms import table, with_synonyms
from streams.knowledge.english import takes_article
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import Ontology


@pytest.fixture
def graph():
    ontology = {"predicates": {"capital": {"functional": True, "nouns": ["capital"],
                "phrases": ["the capital of {subject} is {object}", "{subject}, whose capital is {object}"]}}}  # fmt: skip
    made = Hypergraph(Ontology.from_dict(ontology))
    for subject, predicate, target in [
        ("United States", "alias", "America"),
        ("Netherlands", "alias", "Holland"),
        ("Netherlands", "capital", "Amsterdam"),
        ("Peru", "capital", "Lima"),
        ("Czech Republic", "alias", "Czechia"),
        ("Washington", "alias", "Washington, D.C."),
    ]:
        made.put(Fact(subject=subject, predicate=predicate, object=target))
    return made


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("The attorneys bought two cars.", "The lawyers bought two cars."),
        ("The lawyers purchased two cars.", "The lawyers bought two cars."),
        ("She is selecting a colour.", "She is choosing a colour."),
        ("The bridge was constructed in 1990.", "The bridge was built in 1990."),
        ("A larger house would be better.", "A bigger house would be better."),
        ("How often does it rain?", "How frequently does it rain?"),
    ],
)
def test_a_word_is_exchanged_for_one_of_its_sense_and_its_inflection(text, variant):
    found = list(with_synonyms(text, []))
    assert variant in found
    assert is_same_but_for(text, variant)


@pytest.mark.parametrize(
    "text",
    [
        "The attorney general resigned.",  # a compound
        "A huge snake can kill an author.",  # "an writer"
        "You can see what is in store for him.",  # a phrase of its own
        "She chose to leave.",  # the verb takes a clause
        "He happened to see it.",
        "If you would let me finish, it gets better.",  # without the object that "complete" wants
        "They gazed on the lovely scenes.",  # "on" belongs to it
        "They sold it substantially on these terms.",
        "They agreed to sell substantially all of it.",
        "It grew bigger and bigger.",
        "The Old Lawyer Inn is closed.",  # a name
        'The sign says "lawyers only".',
        "Set `lawyer` to 1, then call lawyer().",
        "    lawyer = choose(often)",
        "See https://often.example/lawyer for more.",
        "What does the word lawyer mean?",
        "I don't buy that story.",  # words of the language of everyday mean many things
        "They bought time, and built hope.",
        "He had a great store of gold in his shop.",
        "They sang to the tune of a million dollars.",
        "The pupils of her eyes were wide.",
        "What happened to him?",
        "The investigators blamed it on slightly higher penalties.",
        "The queen met the competitors after the main course.",  # those at the games are no rivals of hers
        "They assessed a fine.",
        "Oh my God, its happening.",  # written without its mark
        "She put a brave face on it.",
        "Treaties made by the states are the law; they studied the treaty.",  # a pact is no treaty before the law
        "The doctor saw the teenager with an illness.",
        "The lawyers evaluated the integral.",
        "They are trees or, rarely, vines.",
        "He said it was ``something on a larger scale'' for them.",  # as typesetters quote
    ],
)
def test_what_may_not_be_exchanged_stays(text):
    assert not any(
        form in variant
        for variant in with_synonyms(text, [])
        for form in ("attorney", "writer", "a great shop", "select", "occur", "lawyers’", "purchase", "construct", "his store", "melody",
                     "students", "researchers", "somewhat", "punishments", "rivals", "principal", "evaluated", "assessed",
                     "pact", "adolescent", "sickness", "attorneys", "bigger", "seldom", "occurrence", "courageous")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("They can fly.", "is able to"),
        ("What can you see?", "is able to"),
        ("They were due to arrive at noon.", "because of"),
        ("As a result of the war, he fled.", "herefore"),
        ("In addition to his brother, she came.", "oreover"),
        ("Isn't it late?", "s not it"),
        ("It was not nearly enough.", "almost"),
    ],
)
def test_sentences_that_were_broken_are_left_whole(text, broken):
    assert not any(broken in variant for variant in with_other_words(text, []) if is_same_but_for(text, variant))


def test_a_variant_is_refused_when_the_rest_is_parsed_in_another_way():
    assert not is_same_but_for("They were due to arrive at noon.", "They were because of arrive at noon.")
    assert is_same_but_for("He bought a car.", "He purchased a car.")


def test_a_name_comes_in_place_of_another_only_with_the_article_it_takes(graph):
    assert list(with_other_names("What is the capital of the United States?", graph)) == []
    assert list(with_other_names("Where is Holland?", graph)) == []
    assert list(with_other_names("Where is the Czech Republic?", graph)) == []
    assert list(with_other_names("He lives in Washington.", graph)) == []


@pytest.mark.parametrize("text", ["The America team won.", "A modern America rose.", "In america it rains."])
def test_a_name_that_is_part_of_another_phrase_or_not_written_as_one_stays(text, graph):
    assert list(with_other_names(text, graph)) == []
    assert list(with_descriptions(text, graph)) == []


def test_no_description_says_what_the_question_says(graph):
    """ "The country whose capital is the capital of Peru" tells nothing."""
    assert list(with_descriptions("Which country has the capital Lima?", graph)) == []
    assert list(with_descriptions("Who founded Lima?", graph)) == ["Who founded the capital of Peru?"]


def test_a_gap_stands_in_a_whole_sentence_with_the_name_as_it_was_asked(graph):
    found = list(as_gaps("What is the capital of the Netherlands?", "Amsterdam", graph))
    assert found
    assert all("the capital of the Netherlands is ___" in text.lower().replace("netherlands", "Netherlands") for text in found)


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("Czech Republic", True),
        ("United Kingdom", True),
        ("Isle of Man", True),
        ("University of Oslo", True),
        ("Anne of Cleves", None),
        ("Queen of Ashes", None),
        ("Amber Line", None),
        ("Tower Bridge", None),
        ("France", False),
        ("Mark Twain", False),
        ("USA", None),
        ("Maldives", None),
    ],
)
def test_which_names_take_an_article_is_told_or_left_open(name, takes):
    assert takes_article(name) is takes


def test_a_phrase_is_whole_or_none():
    text = "Who wrote the old book of Kells?"
    assert is_phrase(text, text.index("old"), text.index("?"))
    assert not is_phrase(text, text.index("book"), text.index("?"))


def test_every_row_of_the_table_has_forms_of_one_tag_and_no_irregular_guess():
    for (tag, form), others in table().items():
        assert form not in others
        assert tag in {"NN", "NNS", "VB", "VBP", "VBD", "VBG", "VBN", "VBZ", "JJ", "JJR", "JJS", "RB"}
        assert all(other.isalpha() and other.islower() for other in (form, *others))
    assert table()["VBD", "selected"] == ("chose",)
    assert table()["VBN", "selected"] == ("chosen",)
    assert ("VBD", "prohibited") not in table(), "the tables of inflections differ"


def test_words_and_synonyms_keep_the_entities_and_the_answer(graph):
    made = list(paraphrases(Text("Which lawyers often choose Lima?", "lawyers"), graph, "s"))
    assert {said.recipe for said in made} & {Recipe.SYNONYMS, Recipe.WORDS}
    assert all("Lima" in said.words and "lawyers" in said.words for said in made if said.recipe in (Recipe.SYNONYMS, Recipe.WORDS))


@pytest.mark.parametrize(
    "text",
    [
        "The government was encouraging schools to help assist the town in the development of Java.",  # "to help help"
        "Yeah, he totally, completely lost it.",
        "All physicians are doctors, but not all doctors are physicians.",
        "The photos, like painted photographs, were never framed.",
        "He often visited, and just as frequently he stayed away.",
        "He was brave rather than courageous.",
    ],
)
def test_of_two_words_that_a_text_has_neither_comes_for_the_other(text, graph):
    """A text that has both may set them apart, and none comes to stand beside itself."""
    found = [said.words for said in paraphrases(Text(text, is_asked=False), graph, "s")]
    assert not [one for one in found if len(set(fold(one).split())) < len(set(fold(text).split()))]


@pytest.mark.parametrize(
    "text",
    [
        "They are not attorneys but solicitors.",
        "The vets were no physicians.",
        "The study compared automobiles with vans, rather than with trucks.",
        "What is the difference between the physicians and the nurses?",
        "Neither the physicians nor the nurses were paid.",
    ],
)
def test_where_something_is_denied_or_set_apart_no_noun_comes_that_says_more(text):
    """Solicitors are no attorneys, and are lawyers."""
    assert not any(word in variant for variant in with_synonyms(text, []) for word in ("lawyer", "doctor", "cars"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The infants could make no contract.", "infants"),  # of whatever age, before the law
        ("The infant signed it at fourteen.", "infant"),
        ("They construct a triangle and its circle.", "construct"),
        ("We constructed the perpendicular with a compass.", "constructed"),
        ("Now select the text and the folder.", "select"),
        ("She assisted the second goal.", "assisted"),
        ("The partially ordered set is finite.", "partially"),
        ("The integers are relatively prime.", "relatively"),
        ("He is a bigger fan of jazz than she is.", "bigger"),
        ("The memorandum of understanding was signed.", "memorandum"),
        ("The compulsory purchase of the land was lawful.", "compulsory"),
        ("The drug brings a prolonged interval.", "prolonged"),
        ("The house was damp.", "damp"),
        ("He spoke frankly about it.", "frankly"),
        ("He was the author of the accident.", "author"),
        ("She is the author of the proposal to ban it.", "author"),
        ("The authors describe a threshold.", "authors"),
        ("Please ask the author for permission.", "author"),
    ],
)
def test_a_word_of_law_of_mathematics_or_of_another_trade_stays(text, kept):
    assert all(kept in variant for variant in with_synonyms(text, []))


def test_of_what_is_written_an_author_is_the_writer():
    assert list(with_synonyms("Who is the author of Dune?", [])) == ["Who is the writer of Dune?"]
    assert list(with_synonyms("He met the author of nine novels.", [])) == ["He met the writer of nine novels."]
