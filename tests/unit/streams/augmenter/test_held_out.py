import pytest

from schemas.sample import Sample, Split
from streams.augmenter.held_out import HeldOut


def held(*texts):
    made = HeldOut()
    for text in texts:
        made.add(Sample(split=Split.VALIDATION, prompt=text, answer="a"))
    return made


STORY = "Once upon a time a small fox lived near the river, and every morning it walked to the old mill to look for fish."


@pytest.mark.parametrize(
    ("variant", "parent", "held_out", "leaks"),
    [
        ("Who is the author of Dune?", "Who wrote Dune?", "Who is the author of Dune?", True),
        ("Tell me who the author of Dune is.", "Who wrote Dune?", "Who is the author of Dune?", True),
        ("Tell me who wrote Dune.", "Who wrote Dune?", "Who is the author of Dune?", False),
        ("Tell me who the author of Emma is.", "Who is the author of Emma?", "Who is the author of Dune?", False),
        # The parent says it already, in other words: a variant may too, but not in nearly the held-out words.
        ("Please state the capital of France.", "What is the capital of France?", "Tell me what the capital of France is.", False),
        ("Can you tell me what the capital of Mali is?", "What is the capital of Mali?", "Tell me what the capital of Mali is.", True),
        (STORY.replace("small", "little"), STORY, STORY.replace("old", "ancient"), True),
        (STORY.replace("small", "little"), STORY, "Once upon a time a bear slept.", False),
        ("Wie heißt die Hauptstadt?", "Hauptstadt?", "wie heisst die hauptstadt", True),
    ],
    ids=["same", "same in another form", "as its parent", "another subject", "parent's question", "held-out words",
         "a story", "another story", "folded"],
)  # fmt: skip
def test_a_variant_leaks_that_says_what_a_held_out_text_says(variant, parent, held_out, leaks):
    assert held("What is the boiling point of water?", held_out).leaks(variant, parent) is leaks


def test_a_text_that_is_itself_held_out_is_known_in_other_spelling_too():
    made = held("What is the capital of France?")
    assert made.holds("what is the capital of france")
    assert not made.holds("What is the capital of Spain?")
    assert not made.holds("Name the capital of France.")


def test_what_is_held_out_is_the_question_the_text_or_a_conversation_s_last_question():
    made = HeldOut()
    made.add(Sample(split=Split.VALIDATION, text="The red fox sleeps."))
    turns = [{"role": "user", "content": "Who wrote Emma?"}, {"role": "assistant", "content": "Austen"},
             {"role": "user", "content": "When was Austen born?"}, {"role": "assistant", "content": "1775"}]  # fmt: skip
    made.add(Sample(split=Split.VALIDATION, messages=turns))
    assert made.leaks("The red fox sleeps!", "A fox.")
    assert made.leaks("When was Austen born, please?", "Austen's birth?")
    assert not made.leaks("Who wrote Emma, please?", "Emma?")


def test_among_many_held_out_texts_the_near_one_is_found():
    made = held(*(f"What is the {word} of country {n}?" for n in range(400) for word in ("capital", "currency", "flag")))
    assert made.leaks("Say what the flag of country 399 is.", "Country 399's banner?")
    assert not made.leaks("Say what the anthem of country 399 is.", "Country 399's song?")
    assert len(made) == 1200


def test_on_a_stream_without_end_the_first_held_out_texts_are_remembered_and_it_is_said_once_that_others_are_not(caplog):
    made = HeldOut(most_pairs=100)
    for number in range(1000):
        made.add(Sample(sample_id=f"s{number}", split=Split.VALIDATION, prompt=f"What is the flag of country {number}?", answer="a"))
    assert 0 < len(made) <= 100
    assert made.holds("What is the flag of country 0?")
    (told,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert f"s{len(made)} " in told.getMessage()


def test_a_huge_held_out_text_takes_no_more_room_than_its_beginning():
    made = HeldOut(most_pairs=1500)
    made.add(Sample(split=Split.VALIDATION, text=" ".join(f"word{number}" for number in range(100_000))))
    made.add(Sample(split=Split.VALIDATION, prompt="What is the flag of Peru?", answer="a"))
    assert len(made) == 2
