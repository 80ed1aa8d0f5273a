"""Neutral messages become the model's own template, with loss on the completion and its EOS and on nothing else."""

from __future__ import annotations

import copy

import pytest
import torch

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Task
from schemas.training_sample import Objective
from schemas.turns import Turn
from trainer_node.config import TrainConfig
from trainer_node.data.batch_tokenizer import BatchTokenizer
from trainer_node.data.control_tokens import Text
from trainer_node.data.examples import IGNORED, Example, PairExample, PromptExample
from trainer_node.data.tokenization import format_classif, format_prompt, format_rlhf, format_sft, format_supervised, prepare, prompt_tokens


def learnt(example, tokenizer) -> str:
    return tokenizer.decode([token for token in example.labels if token != IGNORED])


def test_loss_is_on_the_completion_and_its_eos_only(make_sample, tokenizer):
    example = format_sft(make_sample(), tokenizer, 64)
    assert learnt(example, tokenizer) == "b.<eos>"
    assert tokenizer.decode(example.input_ids) == "<user>what is a?<eos><assistant>b.<eos>"
    prompt = example.labels.count(IGNORED)
    assert example.labels == [IGNORED] * prompt + example.input_ids[prompt:]
    assert not example.truncated


def test_what_carries_no_loss_is_what_torchs_loss_leaves_out(make_sample, tokenizer):
    labels = torch.tensor(format_sft(make_sample(), tokenizer, 64).labels)
    losses = torch.nn.functional.cross_entropy(torch.zeros(len(labels), len(tokenizer)), labels, reduction="none")
    assert (losses > 0).tolist() == [label != IGNORED for label in labels.tolist()]


def test_an_example_is_as_long_as_its_longest_sequence():
    assert len(Example([1, 2], [IGNORED, 2])) == 2
    assert len(PairExample([1, 2], [3], [3, 4])) == len(PairExample([1, 2], [3, 4], [3])) == 4
    assert len(PromptExample([1, 2, 3])) == 3
    assert not Example([1], [1]).truncated
    assert not PairExample([1], [2], [3]).truncated


def test_plain_text_is_learnt_whole(make_sample, tokenizer):
    example = format_sft(make_sample(prompt="", completion="a b c", task=Task.GENERATION), tokenizer, 64)
    assert learnt(example, tokenizer) == "a b c<eos>"


def test_plain_text_begins_with_the_models_beginning_token_which_carries_no_loss(make_sample, tokenizer):
    beginning = copy.deepcopy(tokenizer)
    beginning.bos_token = "<user>"
    example = format_sft(make_sample(prompt="", completion="a b c", task=Task.GENERATION), beginning, 64)
    assert tokenizer.decode(example.input_ids) == "<user>a b c<eos>"
    assert example.labels == [IGNORED, *example.input_ids[1:]]


def test_without_a_template_the_turns_are_told_by_their_roles(make_sample, tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", None)
    example = format_sft(make_sample(), tokenizer, 64)
    assert tokenizer.decode(example.input_ids) == "user: what is a?\nassistant: b.<eos>"
    assert learnt(example, tokenizer) == "b.<eos>"
    turns = tuple(Turn(role=role, content=text) for role, text in (("user", "a?"), ("assistant", "b."), ("user", "c?")))
    longer = make_sample().model_copy(update={"prompt": turns})
    assert tokenizer.decode(prompt_tokens(longer, tokenizer)) == "user: a?\nassistant: b.\nuser: c?\nassistant: "


def test_classification_names_the_classes_it_is_asked_to_choose_from(make_sample, tokenizer):
    sample = make_sample(prompt="a b", completion="yes", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    example = format_supervised(sample, tokenizer, 128)
    assert tokenizer.decode(example.input_ids) == "<user>a b\n\nOne of: yes, no<eos><assistant>yes<eos>"
    assert learnt(example, tokenizer) == "yes<eos>"


def test_without_a_set_of_labels_or_a_text_there_is_nothing_to_choose_from(make_sample, tokenizer):
    free = format_supervised(make_sample(prompt="a b", completion="yes", task=Task.CLASSIFICATION), tokenizer, 128)
    assert tokenizer.decode(free.input_ids) == "<user>a b<eos><assistant>yes<eos>"
    bare = make_sample(prompt="", completion="yes", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    assert tokenizer.decode(format_supervised(bare, tokenizer, 128).input_ids) == "yes<eos>"


def test_a_text_that_just_leaves_room_for_the_longest_label_is_whole(make_sample, tokenizer):
    labels = ("no", "a b c d")
    short, long = (make_sample(prompt="a b", completion=label, task=Task.CLASSIFICATION, label_set=labels) for label in labels)
    most = len(format_supervised(long, tokenizer, 128))
    assert not format_supervised(short, tokenizer, most).truncated
    assert format_supervised(short, tokenizer, most - 1).truncated


def test_a_label_outside_its_set_is_a_dead_letter(make_sample, tokenizer):
    with pytest.raises(BadRecord, match="'maybe' is not one of yes, no") as bad:
        format_classif(make_sample(completion="maybe", label_set=("yes", "no")), tokenizer, 64)
    assert bad.value.reason is DeadLetterReason.UNTRAINABLE


@pytest.mark.parametrize("nothing", ["", "  ", None])
def test_an_empty_completion_is_a_dead_letter(make_sample, tokenizer, nothing):
    with pytest.raises(BadRecord) as bad:
        format_sft(make_sample(completion=nothing), tokenizer, 64)
    assert bad.value.reason is DeadLetterReason.UNTRAINABLE
    with pytest.raises(BadRecord, match="the completion is empty"):
        format_supervised(make_sample(completion=nothing, task=Task.CLASSIFICATION), tokenizer, 64)


def test_a_long_sample_is_cut_at_the_end_of_its_completion(make_sample, tokenizer):
    whole = format_sft(make_sample(completion="a " * 100), tokenizer, 1000)
    example = format_sft(make_sample(completion="a " * 100), tokenizer, 40)
    assert example.input_ids == whole.input_ids[:40]
    assert example.labels == whole.labels[:40]
    assert example.truncated
    assert example.truncated_from == len(whole)


def test_a_sample_of_the_longest_length_is_whole_and_one_token_more_is_cut(make_sample, tokenizer):
    length = len(format_sft(make_sample(), tokenizer, 64))
    assert not format_sft(make_sample(), tokenizer, length, "dead-letter").truncated
    cut = format_sft(make_sample(), tokenizer, length - 1)
    assert (len(cut), cut.truncated_from) == (length - 1, length)
    with pytest.raises(BadRecord, match=f"{length} tokens; max_seq is {length - 1}"):
        format_sft(make_sample(), tokenizer, length - 1, "dead-letter")


def test_a_prompt_that_leaves_one_token_is_trained_on_it_and_one_that_leaves_none_is_a_dead_letter(make_sample, tokenizer):
    prompt = format_sft(make_sample(), tokenizer, 64).labels.count(IGNORED)
    example = format_sft(make_sample(), tokenizer, prompt + 1)
    assert len([label for label in example.labels if label != IGNORED]) == 1
    with pytest.raises(BadRecord) as bad:
        format_sft(make_sample(), tokenizer, prompt)
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_a_long_sample_is_a_dead_letter_where_the_policy_says_so(make_sample, tokenizer):
    with pytest.raises(BadRecord, match="max_seq is 40") as bad:
        format_sft(make_sample(completion="a " * 100), tokenizer, 40, "dead-letter")
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_a_prompt_that_fills_the_model_alone_is_a_dead_letter_under_either_policy(make_sample, tokenizer):
    with pytest.raises(BadRecord) as bad:
        format_sft(make_sample(prompt="a " * 100), tokenizer, 40, "truncate")
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_of_a_long_text_to_be_classified_as_much_is_read_as_fits_and_the_classes_and_the_label_stay(make_sample, tokenizer):
    sample = make_sample(prompt="a b c d " * 50, completion="no", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    example = format_supervised(sample, tokenizer, 64)
    read = tokenizer.decode(example.input_ids)
    assert read.startswith("<user>a b c d a b c d ")
    assert "One of: yes, no<eos><assistant>no<eos>" in read
    assert learnt(example, tokenizer) == "no<eos>"
    assert 64 - 8 <= len(example) <= 64
    assert example.truncated_from == len(format_supervised(sample, tokenizer, 1000))


def test_a_text_to_be_classified_is_cut_alike_whatever_its_label_so_that_each_label_has_room(make_sample, tokenizer):
    """Evaluation puts every label of the set behind the same prompt."""
    labels = ("no", "a b c d e f g h i j k l m n o p")
    short, long = (
        format_supervised(make_sample(prompt="a b c d " * 50, completion=label, task=Task.CLASSIFICATION, label_set=labels), tokenizer, 96)
        for label in labels
    )
    prompt = long.labels.count(IGNORED)
    assert short.input_ids[:prompt] == long.input_ids[:prompt]
    assert short.labels.count(IGNORED) == prompt
    assert learnt(long, tokenizer) == f"{labels[1]}<eos>"
    assert len(long) <= 96


def test_of_several_turns_to_be_classified_only_the_last_is_cut(make_sample, tokenizer):
    turns = (
        Turn(role="user", content="b?"),
        Turn(role="assistant", content="c."),
        Turn(role="user", content="a " * 99),
    )
    sample = make_sample(completion="no", task=Task.CLASSIFICATION, label_set=("yes", "no")).model_copy(update={"prompt": turns})
    read = tokenizer.decode(format_supervised(sample, tokenizer, 64).input_ids)
    assert read.startswith("<user>b?<eos><assistant>c.<eos><user>a a a")
    assert read.endswith("One of: yes, no<eos><assistant>no<eos>")


def test_of_a_long_text_to_be_classified_nothing_is_cut_where_the_policy_says_so(make_sample, tokenizer):
    sample = make_sample(prompt="a b c d " * 50, completion="no", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    length = len(format_supervised(sample, tokenizer, 1000))
    for max_seq in (64, length - 1):
        with pytest.raises(BadRecord, match=f"{length} tokens; max_seq is {max_seq}") as bad:
            format_supervised(sample, tokenizer, max_seq, "dead-letter")
        assert bad.value.reason is DeadLetterReason.TOO_LONG
    assert not format_supervised(sample, tokenizer, length, "dead-letter").truncated


def test_classes_that_fill_the_model_alone_are_a_dead_letter(make_sample, tokenizer):
    labels = tuple(f"label{n}" for n in range(40))
    with pytest.raises(BadRecord, match="the classes leave no room for the text") as bad:
        format_supervised(make_sample(prompt="a b", completion="label1", task=Task.CLASSIFICATION, label_set=labels), tokenizer, 64)
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_a_pair_shares_its_prompt_and_ends_both_sides(make_sample, tokenizer):
    pair = format_rlhf(make_sample(completion=None, chosen="yes", rejected="no", objective=Objective.PREFERENCE), tokenizer, 64)
    assert tokenizer.decode(pair.chosen_ids) == "yes<eos>"
    assert tokenizer.decode(pair.rejected_ids) == "no<eos>"
    assert tokenizer.decode(pair.prompt_ids) == "<user>what is a?<eos><assistant>"
    assert not pair.truncated


@pytest.mark.parametrize("long", ["chosen", "rejected"])
def test_of_a_pair_only_the_side_that_is_too_long_is_cut(make_sample, tokenizer, long):
    texts = {"chosen": "yes", "rejected": "no"} | {long: "a " * 100}
    sample = make_sample(completion=None, objective=Objective.PREFERENCE, **texts)
    whole, pair = format_rlhf(sample, tokenizer, 1000), format_rlhf(sample, tokenizer, 40)
    room = 40 - len(pair.prompt_ids)
    assert pair.prompt_ids == whole.prompt_ids
    assert (pair.chosen_ids, pair.rejected_ids) == (whole.chosen_ids[:room], whole.rejected_ids[:room])
    assert len(pair) == 40
    assert pair.truncated_from == len(whole)
    with pytest.raises(BadRecord, match="max_seq is 40"):
        format_rlhf(sample, tokenizer, 40, "dead-letter")


def test_a_prompt_leaves_room_for_an_answer_or_is_a_dead_letter(make_sample, tokenizer):
    sample = make_sample(completion=None, objective=Objective.PROMPT)
    prompt = format_prompt(sample, tokenizer, 64, 8)
    assert tokenizer.decode(prompt.prompt_ids) == "<user>what is a?<eos><assistant>"
    assert format_prompt(sample, tokenizer, len(prompt) + 8, 8) == prompt
    with pytest.raises(BadRecord, match=f"{len(prompt)} tokens and 8 for the answer; max_seq is {len(prompt) + 7}") as bad:
        format_prompt(sample, tokenizer, len(prompt) + 7, 8)
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_a_prompt_to_be_classified_names_its_classes_and_any_other_does_not(make_sample, tokenizer):
    fields = {"completion": None, "objective": Objective.PROMPT, "label_set": ("yes", "no")}
    asked = format_prompt(make_sample(task=Task.CLASSIFICATION, **fields), tokenizer, 128, 8)
    assert "One of: yes, no" in tokenizer.decode(asked.prompt_ids)
    assert "One of" not in tokenizer.decode(format_prompt(make_sample(**fields), tokenizer, 128, 8).prompt_ids)


@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_prompt_is_a_dead_letter(make_sample, tokenizer, nothing):
    with pytest.raises(BadRecord, match="the prompt is empty") as bad:
        format_prompt(make_sample(prompt=nothing, completion=None, objective=Objective.PROMPT), tokenizer, 64, 8)
    assert bad.value.reason is DeadLetterReason.UNTRAINABLE


def test_each_objective_is_prepared_by_its_builder_with_the_runs_settings(make_sample, tokenizer):
    config = TrainConfig(max_seq=40, max_new_tokens=20, too_long="dead-letter")
    pair = make_sample(completion=None, chosen="yes", rejected="no", objective=Objective.PREFERENCE)
    asked = make_sample(completion=None, objective=Objective.PROMPT)
    assert prepare(make_sample(), tokenizer, config) == format_sft(make_sample(), tokenizer, 40)
    assert prepare(pair, tokenizer, config) == format_rlhf(pair, tokenizer, 40)
    assert prepare(asked, tokenizer, config) == format_prompt(asked, tokenizer, 40, 20)
    longer = pair.model_copy(update={"rejected": "a " * 60})
    filling = make_sample(prompt="a b c d " * 5, completion=None, objective=Objective.PROMPT)
    for refused in (make_sample(completion="a " * 60), longer, filling):
        with pytest.raises(BadRecord, match="max_seq is 40"):
            prepare(refused, tokenizer, config)


def test_samples_tokenised_together_have_the_tokens_that_each_has_by_itself(make_sample, tokenizer):
    qa = [make_sample(f"q{n}", f"what is {n}?", f"{n} it is." * n or "0.") for n in range(4)]
    labelled = make_sample("c", "a b", "yes", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    pair = make_sample("p", "what is a?", None, chosen="a.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
    plain = make_sample("t", "", "a b c", task=Task.GENERATION)
    asked = make_sample("r", "what is b?", None, objective=Objective.PROMPT)
    calls = []

    class Counting:
        def __call__(self, *args, **kwargs):
            calls.append(args)
            return tokenizer(*args, **kwargs)

        def __getattr__(self, name):
            return getattr(tokenizer, name)

    counting = Counting()
    together = BatchTokenizer(counting, [*qa, labelled, pair, plain, asked])
    for sample in (*qa, labelled, plain):
        assert format_supervised(sample, together, 64) == format_supervised(sample, tokenizer, 64)
    assert format_rlhf(pair, together, 64) == format_rlhf(pair, tokenizer, 64)
    assert format_prompt(asked, together, 64, 8) == format_prompt(asked, tokenizer, 64, 8)
    assert len(calls) == 1, "one call for all of them"
    assert together.ids(Text("unseen")) == tokenizer("unseen", add_special_tokens=False)["input_ids"]


def test_a_prompt_that_the_template_refuses_is_untrainable_and_harms_no_other_sample(make_sample, tokenizer, monkeypatch):
    refusal = "{% if 'refuse' in messages[0].content %}{{ raise_exception('not these words') }}{% endif %}"
    monkeypatch.setattr(tokenizer, "chat_template", refusal + tokenizer.chat_template)
    bad, good = make_sample("bad", "refuse me", "a."), make_sample("good", "what is a?", "a.")
    together = BatchTokenizer(tokenizer, [bad, good])
    assert format_sft(good, together, 64) == format_sft(good, tokenizer, 64)
    for other in (together, tokenizer):
        with pytest.raises(BadRecord, match="the model's chat template refuses the turns: not these words") as refused:
            format_sft(bad, other, 64)
        assert refused.value.reason is DeadLetterReason.UNTRAINABLE
