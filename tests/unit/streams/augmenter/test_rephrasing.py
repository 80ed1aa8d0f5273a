import re

import pytest

from streams.augmenter.rephrasing import blanks, question_forms, table, with_other_words
from streams.augmenter.synonyms import with_synonyms


@pytest.mark.parametrize(
    ("question", "one_form"),
    [
        ("What is the boiling point of water?", "Tell me what the boiling point of water is."),
        ("What are the primary colours?", "I would like to know the primary colours."),
        ("Name the largest moon of Saturn.", "What is the largest moon of Saturn?"),
        ("Who was the author of Dune?", "Tell me who the author of Dune was."),
        ("Where is the Louvre?", "Can you tell me where the Louvre is?"),
        ("How many legs has a spider?", "Please answer this question: How many legs has a spider?"),
    ],
)
def test_a_question_is_put_in_other_forms(question, one_form):
    assert one_form in list(question_forms(question))


@pytest.mark.parametrize("text", ["Once upon a time there was a fox.", "Water boils at 100 degrees. What is the time? Noon.", ""])
def test_what_is_no_single_question_has_no_forms(text):
    assert list(question_forms(text)) == []


def test_each_form_keeps_every_word_of_what_is_asked():
    for form in question_forms("What is the melting point of iron?"):
        assert {"melting", "point", "iron"} <= set(re.findall(r"\w+", form))


@pytest.mark.parametrize(
    "question",
    [
        "Who is able to help?",
        "Where is the Louvre in Paris located?",
        "What is the capital of France like?",
        "What are the ducks called that his mother wants him to stay away from?",
    ],
)
def test_a_question_that_asks_for_more_than_a_noun_phrase_is_not_turned_round(question):
    """ "Tell me who able to help is." is no sentence."""
    assert all(question in form for form in question_forms(question))
    assert list(question_forms(question))


@pytest.mark.parametrize(
    "asked", ["the capital of the country in which Bremen lies", "the currency of the country whose capital is Saint-Denis"]
)
def test_no_form_puts_a_verb_behind_a_clause_that_ends_in_one(asked):
    """ "Tell me what the capital of the country in which Bremen lies is."."""
    forms = list(question_forms(f"What is {asked}?"))
    assert f"Please tell me {asked}." in forms
    assert not any(f"{asked} is" in form for form in forms)


@pytest.mark.parametrize(
    "question", ["What is the matter with you?", "What is the use of trying?", "What is the point in waiting?", "What is the big deal?"]
)
def test_a_question_for_nothing_that_could_be_told_is_not_turned_round(question):
    """ "Please tell me the matter with you." is no sentence."""
    assert all(question in form for form in question_forms(question))
    assert question_forms("What is the boiling point of water?")


@pytest.mark.parametrize(
    "asked", ["the author of The Trial", "the president of Peru", "the composer of Fidelio and his birthplace", "the king of Norway"]
)
def test_nobody_asks_what_a_person_is(asked):
    forms = list(question_forms(f"Name {asked}."))
    assert f"Please tell me {asked}." in forms
    assert not any(form.startswith("What is") for form in forms)
    assert "What is the capital of Peru?" in list(question_forms("Name the capital of Peru."))


@pytest.mark.parametrize("asked", ["the names of the winners", "the largest lakes in Peru", "its main rivers"])
def test_of_several_nobody_asks_what_is(asked):
    forms = list(question_forms(f"Tell me {asked}."))
    assert f"Please tell me {asked}." in forms
    assert not any(form.startswith("What is") for form in forms)


@pytest.mark.parametrize(
    "question",
    [
        "Who is the coach of the Bricks, Tom Eads or Ugo Bassi?",
        "What is the capacity of Mill Road, the home of the club?",
        "Where is the tomb of Ann, the queen?",
    ],
)
def test_no_form_puts_a_verb_behind_what_ends_in_an_aside(question):
    """ "Tell me who the coach of the Bricks, Tom Eads or Ugo Bassi is." """
    assert not any(form.rstrip(".?").endswith((" is", " are")) for form in question_forms(question))


def test_interchangeable_words_are_exchanged_one_at_a_time():
    text = "She often walks, even though it sometimes rains."
    assert set(with_other_words(text, [])) == {
        "She frequently walks, even though it sometimes rains.",
        "She often walks, although it sometimes rains.",
        "She often walks, even though it at times rains.",
    }


@pytest.mark.parametrize(
    "text",
    [
        'The sign says "often closed".',
        "The sign says “often closed”.",
        'He said: "It often rains” and left.',  # marks of two kinds
        "‘It’s often closed,’ said the fox.",
        "“It is often closed, and that",  # one that does not end
        "I told anyone of you.",
        "It was won in despite the rain.",
        "Often is a band.",
        "Use `until` in a loop.",
        "Which word means often?",
        "How do you spell frequently?",
        "an often-quoted line",
        "Every so often it rains, more often than not at night.",  # a set phrase
        "She took it roughly.",  # in no other sense than "about"
        "First came the fox, then the hen, and finally the hare.",
        "It had started to rain.",  # "had began"
        "Give him a little credit, although, he did eat it.",
        "They enjoy the stage they are at present.",  # the "at" is of the stage
        "Now just breathe normally.",  # not "usually"
        "There is no one answer.",
        "He spent the money owing to him.",
        "It varies, sometimes are better than others.",  # some times
        "It is an often lethal disruption.",  # "an frequently"
        "She met its usually kind owner and a nobody.",
        "He starred in From Dusk till Dawn, and in (Gone until Monday).",  # a name, whose small words are small
        "He said it was ``often on a big scale'' and I'd ``often do it.",  # as typesetters quote
        "The `often closed' sign.",
        "it often rained here.'' Ramos quotes Harlan.",  # a quotation that began before what there is of the text
        "it often rained here.” Ramos quotes Harlan.",
        'it often rained here." Ramos often quotes "this", and "that".',  # and nobody knows which is in it
        "There are not a few, and it was not a little late.",
        "He may have not known, and claims to have not seen it.",  # "to haven't"
        "if value is not limit:",  # code without marks
        "while not done: do not stop until finished",
        "The query select id from lawyers where paid is not true returns them.",
        "WHERE deleted is not NULL",
        "It may be None: check that it is not None.",
        "name,author,often",  # a row of a file
        "id;1,often,until",
        "He was wanted to testify.",  # "wished to testify"
        "The most wanted to date is a hacker.",
        "They are wanted to serve.",
        "Often asked: is somebody or someone else often, or frequently, there?",  # both are there already
        "The special someone came.",
        "It is paired with each other node in the set.",  # "one another node"
        "They met each other member, and each other guest.",
        "She likes one another day.",
    ],
)
def test_quoted_capitalised_and_discussed_words_stay(text):
    assert list(with_other_words(text, [])) == []


@pytest.mark.parametrize(
    "text",
    [
        "Rewrite in the passive: she often met somebody.",
        "Please correct this. He do not often goes.",
        "Reverse the order: often, until, somebody.",
        "Replace maybe by something else: maybe he came.",
        "Convert to capitals: somebody often helps.",
        "Could you fix this: it is not often open.",
        "Make it longer:\nsomebody often came",
        "Find the typo in it: nobody came until now.",
        "Write a regex that matches often.",
    ],
)
def test_a_text_whose_words_are_worked_on_keeps_them(text):
    """Its answer has them, in some form."""
    assert list(with_other_words(text, [])) == []
    assert list(with_synonyms(text, [])) == []


@pytest.mark.parametrize("text", ["Find somebody to help.", "Make sure that somebody comes.", "I often correct them."])
def test_what_only_looks_like_work_on_words_is_exchanged(text):
    assert list(with_other_words(text, []))


def test_spans_to_keep_stay():
    text = "The film Often Until Dawn often won."
    assert list(with_other_words(text, [])) == ["The film Often Until Dawn frequently won."]
    assert list(with_other_words(text, [(0, len(text))])) == []


@pytest.mark.parametrize(
    ("kept", "stays"),
    [
        ((4, 9), True),  # the word itself
        ((6, 7), True),  # a part of it
        ((0, 5), True),  # its first letter
        ((8, 20), True),  # its last letter
        ((0, 4), False),  # up to it
        ((9, 20), False),  # from its end
        ((0, 2), False),
        ((15, 20), False),
    ],
)
def test_a_word_stays_where_any_letter_of_it_is_to_be_kept(kept, stays):
    text = "She often walks home."
    assert list(with_other_words(text, [kept])) == ([] if stays else ["She frequently walks home."])


def test_what_comes_after_a_kept_word_is_still_exchanged():
    assert list(with_other_words("often and often", [(0, 5)])) == ["often and frequently"]


def test_what_only_stands_near_a_name_or_behind_a_quotation_is_exchanged():
    assert list(with_other_words("In May I often said ``no'' to Ann until Easter came.", [])) == [
        "In May I frequently said ``no'' to Ann until Easter came."
    ]
    for marks in ("``no''", "“no”", '"no"'):
        assert list(with_other_words(f"He said {marks} until she left.", [])) == [f"He said {marks} till she left."]
    assert list(with_other_words("Ann and I often met.", [])) == ["Ann and I frequently met."]


def test_of_phrases_that_begin_alike_the_longer_one_is_exchanged():
    assert list(with_other_words("He wanted to go.", [])) == ["He wished to go."]
    words = table().words
    for phrase in table().others:
        assert words.match(phrase).group() == phrase


def test_a_contraction_is_made_and_never_taken_apart():
    """ "Is not it?" is no question."""
    assert list(with_other_words("It is not late, isn't it?", [])) == ["It isn't late, isn't it?"]


def test_a_gap_is_asked_for_in_several_ways():
    forms = list(blanks("the author of Dune is ___"))
    assert len(set(forms)) == len(forms) >= 2
    assert all("he author of Dune is ___" in form for form in forms)


def test_the_table_is_in_lower_case_and_exchanges_nothing_for_itself():
    for phrase, others in table().others.items():
        assert others
        assert phrase not in others
        assert phrase == phrase.lower()


def test_every_form_of_the_table_has_only_slots_that_its_pattern_fills():
    for pattern, forms in table().questions:
        for form in forms:
            assert set(re.findall(r"<(\w+)>", form)) <= set(pattern.groupindex)
            assert re.search(r"<\w+>", form)
