import re
from itertools import islice

import pytest

from schemas.fact import Fact
from schemas.sample import Sample, Task
from streams.augmenter.ids import variant_id
from streams.augmenter.paraphrase import Recipe, Text
from streams.augmenter.paraphrase import paraphrases as all_paraphrases
from streams.augmenter.variants import other_texts, variant_of
from streams.curriculum.task_detector import detect_task, to_training_sample
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict(
    {"predicates": {"written_by": {"functional": True, "nouns": ["author"], "phrases": ["{subject} was written by {object}"]}}}
)


@pytest.fixture
def graph():
    made = Hypergraph(ONTOLOGY)
    for subject, predicate, target in [
        ("Dune", "written_by", "Frank Herbert"),
        ("Dune", "alias", "Dune Chronicles One"),
        ("Dune", "alias", "Herbert's Dune"),
    ]:
        made.put(Fact(subject=subject, predicate=predicate, object=target))
    return made


QA = Sample(sample_id="q1", prompt="Who is the author of Dune?", answer="Frank Herbert", gold=("Frank Herbert", "Herbert"), run_id="r0")
LABELLED = Sample(sample_id="c1", text="The film is often dull, and it is not short.", label="neg", label_set=("neg", "pos"))
PLAIN = Sample(sample_id="g1", text="The boy often went home, although it almost always rained.")
PAIR = Sample(sample_id="p1", prompt="Who is the author of Dune?", chosen="Frank Herbert.", rejected="Isaac Asimov.")


def made(sample, graph, count=3):
    parent = to_training_sample(sample)
    return [variant_of(parent, said, number, "r1") for number, said in enumerate(islice(other_texts(parent, graph), count))]


def paraphrases(text, graph, seed, count):
    return [said.words for said in islice(all_paraphrases(text, graph, seed), count)]


@pytest.mark.parametrize("sample", [QA, LABELLED, PLAIN, PAIR], ids=lambda sample: sample.sample_id)
def test_a_variant_asks_otherwise_and_keeps_what_is_to_be_learnt(sample, graph):
    variants = made(sample, graph)
    assert variants
    for variant in variants:
        for field in ("answer", "label", "label_set", "chosen", "rejected", "gold"):
            assert getattr(variant, field) == getattr(sample, field)
        assert (variant.prompt, variant.text) != (sample.prompt, sample.text)
        assert detect_task(variant) is detect_task(sample)
        to_training_sample(variant)  # trainable


def test_a_variant_names_its_parent_its_generation_its_run_and_its_maker(graph):
    for variant in made(QA, graph):
        assert (variant.parent_id, variant.generation, variant.run_id, variant.origin) == ("q1", 1, "r1", "augmenter")
        assert variant.recipe in set(Recipe)
        assert to_training_sample(variant).recipe == variant.recipe
        assert variant.is_ours


def test_a_variant_s_id_follows_from_parent_generation_and_number_alone(graph):
    assert [variant.sample_id for variant in made(QA, graph)] == [variant_id("q1", 1, number) for number in range(3)]
    ids = {variant_id(parent, generation, number) for parent in "ab" for generation in (1, 2) for number in (0, 1)}
    assert len(ids) == 8
    assert all(re.fullmatch(r"v-[0-9a-f]+", each) for each in ids)


def test_the_choice_by_a_sample_s_id_stays_the_same_from_version_to_version(graph):
    """Made again after a crash, by whatever version, a variant of one id is one text."""
    assert [variant.prompt for variant in made(QA, graph)] == [
        "Answer the following. Who is the author of Dune?",
        "Who is the writer of Dune?",
        "Who is the author of Dune Chronicles One?",
    ]


def test_variants_are_the_same_when_made_again(graph):
    assert made(QA, graph) == made(QA, graph)
    ids = [variant.sample_id for variant in made(QA, graph)]
    assert len(set(ids)) == 3


def test_another_sample_gets_other_ids_and_is_chosen_for_by_itself(graph):
    twin = QA.model_copy(update={"sample_id": "q2"})
    assert not {v.sample_id for v in made(QA, graph)} & {v.sample_id for v in made(twin, graph)}
    chosen = {tuple(v.prompt for v in made(QA.model_copy(update={"sample_id": f"s{n}"}), graph, 1)) for n in range(30)}
    assert len(chosen) > 3


def test_no_more_than_asked_for_and_all_different(graph):
    assert len(made(QA, graph, 5)) == 5
    texts = [fold(variant.prompt) for variant in made(QA, graph, 50)]
    assert len(set(texts)) == len(texts)


def test_what_differs_in_punctuation_alone_is_one_text():
    phrases = ["{subject} was written by {object}", "{subject} was written, by {object}"]
    graph = Hypergraph(Ontology.from_dict({"predicates": {"written_by": {"functional": True, "phrases": phrases}}}))
    graph.put(Fact(subject="Dune", predicate="written_by", object="Frank Herbert"))
    texts = [fold(variant.prompt) for variant in made(QA, graph, 50)]
    assert any("was written by" in text for text in texts)
    assert len(set(texts)) == len(texts)


def test_no_variant_gives_the_answer_or_a_gold_string_away(graph):
    for variant in made(QA, graph, 50):
        assert "herbert" not in fold(variant.prompt).split()


def test_a_string_that_must_stay_stays(graph):
    text = Text("Which is shorter, often or rarely?", answer="often")
    assert all("often" in fold(found).split() for found in paraphrases(text, graph, "s", 20))


@pytest.mark.parametrize("field", ["label", "rejected", "gold"])
def test_a_label_a_worse_answer_and_a_gold_string_must_not_come_into_the_text_either(field, graph):
    """Often and frequently are exchanged everywhere but where that writes down what is to be learnt."""
    fields = {
        "label": {"text": "She often walks.", "label": "frequently"},
        "rejected": {"prompt": "Does she often walk?", "chosen": "yes", "rejected": "frequently"},
        "gold": {"prompt": "Does she often walk?", "answer": "yes", "gold": ("frequently",)},
    }[field]
    texts = [variant.prompt or variant.text for variant in made(Sample(sample_id="s", **fields), graph, 50)]
    assert not any("frequently" in text for text in texts)


@pytest.mark.parametrize("task", [Task.RLHF_GRPO, Task.RLHF_PPO])
def test_a_prompt_keeps_its_task_and_without_a_known_answer_only_its_words_and_names_change(graph, task):
    """Forms of a question and facts put for names are for questions whose answer can be kept out of the text."""
    variants = made(Sample(sample_id="r1", task=task, prompt="Who is the author of Dune?"), graph, 9)
    assert {(variant.task, variant.text, variant.answer) for variant in variants} == {(task, None, None)}
    assert {variant.prompt for variant in variants} == {
        "Who is the author of Dune Chronicles One?",
        "Who is the author of Herbert's Dune?",
        "Who is the writer of Dune?",
    }


@pytest.mark.parametrize(
    ("label", "label_set"),
    [
        ("formal", None),
        ("neg", ("neg", "informal style")),
        ("British English", None),
        ("unacceptable", None),
    ],
)
def test_a_label_of_how_a_text_is_written_has_no_other_text(label, label_set, graph):
    """ "It isn't" is no longer formal."""
    sample = Sample(sample_id="c2", text="The film is often dull, and it is not short.", label=label, label_set=label_set)
    assert made(sample, graph) == []
    assert made(sample.model_copy(update={"label": "neg", "label_set": ("neg", "pos")}), graph)


def test_a_labelled_text_with_an_instruction_is_a_labelled_text_again(graph):
    """Instruction and text are one text by then."""
    (variant,) = made(Sample(prompt="Mood?", text="She often walks.", label="good"), graph, 1)
    assert (variant.prompt, variant.text, variant.label) == (None, "Mood?\n\nShe frequently walks.", "good")


def test_words_inside_a_name_stay_also_where_the_name_stands_for_several():
    graph = Hypergraph(ONTOLOGY)
    for subject in ("Almost Home (film)", "Almost Home (song)"):
        graph.put(Fact(subject=subject, predicate="alias", object="almost home"))
    graph.put(Fact(subject="often seen", predicate="written_by", object="Ann"))
    assert paraphrases(Text("It was almost home that often seen played."), graph, "s", 50) == []


def test_a_text_without_an_answer_is_put_in_no_other_form_of_a_question(graph):
    """It is itself what is learnt."""
    asked = "What is the boiling point of water?"
    assert paraphrases(Text(asked), graph, "s", 50) == []
    assert paraphrases(Text(asked, "100 degrees"), graph, "s", 50)


def test_at_most_twenty_four_of_one_kind_are_looked_at():
    graph = Hypergraph(ONTOLOGY)
    for number in range(60):
        graph.put(Fact(subject="Ann", predicate="alias", object=f"Name{number}"))
    graph.put(Fact(subject="Ann", predicate="written_by", object="Bob"))
    found = paraphrases(Text("Who is the author of Ann?"), graph, "s", 100)
    assert sum("author of Name" in words for words in found) == 24


def test_a_text_with_nothing_to_exchange_has_no_variants(graph):
    assert made(Sample(text="Zzz."), graph) == []


def test_a_generation_sample_with_an_instruction_keeps_its_text(graph):
    sample = Sample(task=Task.GENERATION, prompt="What is the end of the story?", text="They lived happily.")
    for variant in made(sample, graph):
        assert variant.text == "They lived happily."
        assert variant.prompt != sample.prompt


ASKED = {"role": "user", "content": "Who is the author of Dune?"}
BEFORE = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Do you often read?"},
    {"role": "assistant", "content": "Often.", "weight": 0},
]
TOOL = {"type": "function", "function": {"name": "look_up"}}
CALL = {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "look_up", "arguments": {"title": "Dune"}}}]}
FOUND = [CALL, {"role": "tool", "tool_call_id": "c", "content": "Herbert"}, {"role": "assistant", "content": "Frank Herbert"}]


@pytest.mark.parametrize(
    "sample",
    [
        Sample(sample_id="m", messages=[*BEFORE, ASKED, {"role": "assistant", "content": "Frank Herbert"}], tools=[TOOL]),
        Sample(sample_id="m", messages=[ASKED, *FOUND], tools=[TOOL]),
        Sample(sample_id="m", messages=[*BEFORE, ASKED], answer="Frank Herbert"),
        Sample(sample_id="m", messages=[*BEFORE, ASKED], chosen="Frank Herbert", rejected="Isaac Asimov"),
        Sample(sample_id="m", messages=[*BEFORE, ASKED], chosen_messages=FOUND, rejected_messages=FOUND[:1], tools=[TOOL]),
        Sample(sample_id="m", messages=[*BEFORE, ASKED], gold=["Frank Herbert"]),
        Sample(sample_id="m", messages=[*BEFORE, {"role": "user", "content": "It is often dull."}], label="neg", label_set=["neg", "pos"]),
    ],
    ids=["learnt", "with tools", "answer", "sides", "sides of turns", "prompt", "labelled"],
)
def test_a_variant_of_a_conversation_says_its_last_question_otherwise_and_keeps_all_else(sample, graph):
    variants = made(sample, graph)
    assert variants
    asked = max(number for number, turn in enumerate(sample.messages) if turn.role == "user")
    for variant in variants:
        changed = [number for number, (one, other) in enumerate(zip(sample.messages, variant.messages, strict=True)) if one != other]
        assert changed == [asked]
        kept = ("answer", "label", "label_set", "chosen", "rejected", "chosen_messages", "rejected_messages", "gold", "tools")
        assert [getattr(variant, field) for field in kept] == [getattr(sample, field) for field in kept]
        assert (variant.sample_id, variant.parent_id) == (variant_id("m", 1, variants.index(variant)), "m")
        before, after = to_training_sample(sample), to_training_sample(variant)
        assert (after.objective, after.task) == (before.objective, before.task)


def test_a_question_with_tools_stays_a_question_in_strings(graph):
    for variant in made(Sample(prompt="Who is the author of Dune?", answer="Frank Herbert", tools=[TOOL]), graph):
        assert (variant.messages, variant.answer, variant.tools) == (None, "Frank Herbert", (TOOL,))
