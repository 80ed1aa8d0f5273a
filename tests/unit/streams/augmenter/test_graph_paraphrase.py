import pytest

from schemas.fact import Fact
from streams.augmenter.graph_paraphrase import as_gaps, is_asked_of, with_descriptions, with_other_names
from streams.augmenter.paraphrase import Text, paraphrases
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict(
    {
        "predicates": {
            "born": {"functional": True, "value": "date", "nouns": ["birthday"]},
            "likes": {"functional": True},
            "written_by": {"functional": True, "nouns": ["author"], "phrases": ["{subject} was written by {object}"]},
            "debut": {"functional": True, "inverse_functional": True, "nouns": ["first novel"]},
            "genre": {"nouns": ["genre"], "phrases": ["{subject} belongs to {object}"]},
        }
    }
)


@pytest.fixture
def graph():
    made = Hypergraph(ONTOLOGY)
    for subject, predicate, target in [
        ("Dune", "written_by", "Frank Herbert"),
        ("Emma", "written_by", "Jane Austen"),
        ("Persuasion", "written_by", "Jane Austen"),
        ("Jane Austen", "debut", "Sense and Sensibility"),
        ("Dune", "genre", "science fiction"),
        ("Dune", "genre", "epic"),
        ("Emma", "genre", "romance"),
        ("Mark Twain", "alias", "Samuel Clemens"),
        ("Huckleberry Finn", "written_by", "Mark Twain"),
        ("Science Fiction", "alias", "SF"),
        ("San Francisco", "alias", "SF"),
        ("San Francisco", "genre", "epic"),
        ("Good Omens", "written_by", "Terry Pratchett"),
        ("Good Omens", "written_by", "Neil Gaiman"),
    ]:
        made.put(Fact(subject=subject, predicate=predicate, object=target))
    return made


def test_an_entity_is_called_by_its_other_name(graph):
    assert list(with_other_names("When was Samuel Clemens born?", graph)) == ["When was Mark Twain born?"]
    assert list(with_other_names("When was Mark Twain born?", graph)) == ["When was Samuel Clemens born?"]


@pytest.mark.parametrize(
    "text",
    [
        "When was Mark Twain given his name?",
        "Why was Mark Twain called so?",
        "What does Mark Twain stand for?",
        "How many letters has Mark Twain?",
        "Under which brand is Mark Twain sold?",
    ],
)
def test_where_a_name_itself_is_asked_about_it_stays(text, graph):
    assert list(with_other_names(text, graph)) == []
    assert list(with_descriptions(text, graph)) == []


def test_name_as_a_verb_asks_about_no_name(graph):
    assert list(with_other_names("Name the books of Mark Twain.", graph)) == ["Name the books of Samuel Clemens."]


@pytest.mark.parametrize(
    "text",
    [
        "when was mark twain born",
        "WHEN WAS MARK TWAIN BORN?",
        "BORN IN FLORIDA: MARK TWAIN?",
        "jane austen born when",
        "dune written by whom",
    ],
)
def test_a_name_that_is_not_written_as_one_comes_into_no_other_text(text, graph):
    """ "Aldo ferrani was born in ___"."""
    assert list(with_other_names(text, graph)) == []
    assert list(with_descriptions(text, graph)) == []
    assert list(as_gaps(text, "Frank Herbert", graph)) == []


def test_what_is_not_asked_must_show_that_it_means_the_entity_of_the_graph(graph):
    """ "Join me in Washington" may mean the state."""
    assert list(with_other_names("Mark Twain is near.", graph, is_asked=False)) == []
    of_the_graph = "Mark Twain is read for Tom Sawyer."
    graph.put(Fact(subject="Tom Sawyer", predicate="written_by", object="Mark Twain"))
    assert list(with_other_names(of_the_graph, graph, is_asked=False)) == ["Samuel Clemens is read for Tom Sawyer."]


def test_a_name_that_stands_for_several_is_neither_replaced_nor_used(graph):
    assert list(with_other_names("Who likes SF?", graph)) == []
    assert list(with_other_names("Who likes San Francisco?", graph)) == []


@pytest.mark.parametrize(
    "text", ["How did Bradley and Co-Tan escape the Forest of Oo-oh?", "Who is Mark Twain-Jones?", "Who follows @Mark Twain?"]
)
def test_a_part_of_a_longer_name_is_not_called_by_another(text, graph):
    assert list(with_other_names(text, graph)) == []
    graph.put(Fact(subject="Bob", predicate="debut", object="Co"))
    assert list(with_descriptions("How did Bradley and Co escape?", graph)) == ["How did Bradley and the first novel of Bob escape?"]
    assert list(with_descriptions(text, graph)) == []


@pytest.mark.parametrize(
    ("question", "answer", "is_of_graph"),
    [
        ("Who wrote Emma?", "Jane Austen", True),  # a fact joins them
        ("What is the first novel of the author of Emma?", "Sense and Sensibility", True),  # author and first novel lead there
        ("Who is the author of Emma?", "", True),
        ("Who is the author of Emma?", "a woman", True),
        ("What does Emma buy?", "a horse", False),  # some other Emma
        ("What does Emma buy?", "", False),
        ("What does Emma buy?", "Dune", False),
        ("Who is the author of Emma's letter?", "Frank Herbert", False),
    ],
)
def test_a_question_means_the_graph_s_entity_where_its_answer_or_its_relations_show_it(question, answer, is_of_graph, graph):
    assert is_asked_of(graph, question, answer) is is_of_graph


def test_an_entity_named_twice_keeps_its_name(graph):
    assert list(with_other_names("Did Mark Twain know that Mark Twain was famous?", graph)) == []


def test_an_entity_is_described_by_a_fact_true_of_no_other(graph):
    assert "When was the author of Emma born?" in list(with_descriptions("When was Jane Austen born?", graph))
    assert "When was the one whose first novel is Sense and Sensibility born?" in list(
        with_descriptions("When was Jane Austen born?", graph)
    )


def test_a_description_that_fits_more_than_one_is_not_used(graph):
    assert list(with_descriptions("When was Terry Pratchett born?", graph)) == [], "Good Omens has two authors"
    assert list(with_descriptions("Is epic old?", graph)) == [], "a genre is no functional predicate"


def test_a_name_behind_of_that_would_be_taken_for_what_is_described_makes_no_description():
    """ "The country of Ostrava" is no way to say Czechia."""
    graph = Hypergraph(Ontology.from_dict({"predicates": {"country": {"functional": True, "nouns": ["country"]}}}))
    graph.put(Fact(subject="Ostrava", predicate="country", object="Czechia"))
    assert list(with_descriptions("What is the currency of Czechia?", graph)) == []


def test_a_description_goes_through_no_entity_of_the_text(graph):
    assert "Did the author of Emma write Emma?" not in list(with_descriptions("Did Jane Austen write Emma?", graph))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which novels were written by Jane Austen?", "Emma and Persuasion were."),
        ("When did Frank Herbert become famous?", "He did with Dune."),
        ("What else did Jane Austen write, before 1815?", "Before it she wrote Sense and Sensibility."),
    ],
)
def test_no_variant_names_what_the_answer_names_in_a_sentence(question, answer, graph):
    """ "Which novels were written by the author of Emma?" gives the answer away."""
    asked, said = graph.named_in(question), graph.named_in(answer)
    made = [variant.words for variant in paraphrases(Text(question, answer), graph, "s")]
    assert all(said.isdisjoint(graph.named_in(words) - asked) for words in made)
    assert any("author of Emma" in words or "author of Dune" in words for words in with_descriptions(question, graph))


def test_an_article_is_not_doubled_and_a_sentence_begins_with_a_capital(graph):
    assert "I met the author of Emma." in list(with_descriptions("I met the Jane Austen.", graph))
    assert "The author of Emma wrote." in list(with_descriptions("Jane Austen wrote.", graph))


def test_a_functional_fact_between_question_and_answer_becomes_a_sentence_with_a_gap(graph):
    found = list(as_gaps("Who is the author of Dune?", "Frank Herbert", graph))
    assert found
    assert all("Dune was written by ___" in sentence for sentence in found)
    assert all("Herbert" not in sentence for sentence in found)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What genre is Dune?", "science fiction"),  # one of two
        ("What genre is Emma?", "romance"),  # not functional: other answers, not in the graph, may fit the gap
        ("Who is the author of Good Omens?", "Neil Gaiman"),  # two objects
        ("Who wrote Dune?", "Jane Austen"),  # no fact says so
        ("Who wrote it?", "Frank Herbert"),  # nothing named
        ("Did Frank Herbert write Dune?", "yes"),  # the fact is all in the question
    ],
)
def test_no_gap_where_the_answer_is_not_the_only_one(question, answer, graph):
    assert list(as_gaps(question, answer, graph)) == []
