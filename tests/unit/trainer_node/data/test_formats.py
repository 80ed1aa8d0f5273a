"""Neutral messages become the model's own template, with loss on the completion and its EOS and on nothing else."""

from __future__ import annotations

import pytest

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Task
from schemas.training_sample import Objective
from trainer_node.data.tokenization import (
    IGNORED,
    BatchTokenizer,
    format_classif,
    format_prompt,
    format_rlhf,
    format_sft,
    format_supervised,
)


def learnt(example, tokenizer) -> str:
    return tokenizer.decode([token for token in example.labels if token != IGNORED])


def test_loss_is_on_the_completion_and_its_eos_only(make_sample, tokenizer):
    example = format_sft(make_sample(), tokenizer, 64)
    assert learnt(example, tokenizer) == "b.<eos>"
    assert tokenizer.decode(example.input_ids) == "<user>what is a?<eos><assistant>b.<eos>"


def test_plain_text_is_learnt_whole(make_sample, tokenizer):
    example = format_sft(make_sample(prompt="", completion="a b c", task=Task.GENERATION), tokenizer, 64)
    assert learnt(example, tokenizer) == "a b c<eos>"


def test_classification_names_the_classes_it_is_asked_to_choose_from(make_sample, tokenizer):
    sample = make_sample(prompt="a b", completion="yes", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    example = format_supervised(sample, tokenizer, 128)
    assert "One of: yes, no" in tokenizer.decode(example.input_ids)
    assert learnt(example, tokenizer) == "yes<eos>"


def test_a_label_outside_its_set_is_a_dead_letter(make_sample, tokenizer):
    with pytest.raises(BadRecord, match="'maybe' is not one of yes, no") as bad:
        format_classif(make_sample(completion="maybe", label_set=("yes", "no")), tokenizer, 64)
    assert bad.value.reason is DeadLetterReason.UNTRAINABLE


@pytest.mark.parametrize("nothing", ["", "  ", None])
def test_an_empty_completion_is_a_dead_letter(make_sample, tokenizer, nothing):
    with pytest.raises(BadRecord) as bad:
        format_sft(make_sample(completion=nothing), tokenizer, 64)
    assert bad.value.reason is DeadLetterReason.UNTRAINABLE


def test_a_long_sample_is_cut_at_the_end_of_its_completion(make_sample, tokenizer):
    example = format_sft(make_sample(completion="a " * 100), tokenizer, 40)
    assert len(example.input_ids) == len(example.labels) == 40
    assert example.truncated


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
    assert example.truncated


def test_of_a_long_text_to_be_classified_nothing_is_cut_where_the_policy_says_so(make_sample, tokenizer):
    sample = make_sample(prompt="a b c d " * 50, completion="no", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    with pytest.raises(BadRecord, match="max_seq is 64") as bad:
        format_supervised(sample, tokenizer, 64, "dead-letter")
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_classes_that_fill_the_model_alone_are_a_dead_letter(make_sample, tokenizer):
    labels = tuple(f"label{n}" for n in range(40))
    with pytest.raises(BadRecord, match="the classes leave no room for the text") as bad:
        format_supervised(make_sample(prompt="a b", completion="label1", task=Task.CLASSIFICATION, label_set=labels), tokenizer, 64)
    assert bad.value.reason is DeadLetterReason.TOO_LONG


def test_a_pair_shares_its_prompt_and_ends_both_sides(make_sample, tokenizer):
    pair = format_rlhf(make_sample(completion=None, chosen="yes", rejected="no", objective=Objective.PREFERENCE), tokenizer, 64)
    assert tokenizer.decode(pair.chosen_ids) == "yes<eos>"
    assert tokenizer.decode(pair.rejected_ids) == "no<eos>"
    assert tokenizer.decode(pair.prompt_ids).endswith("<assistant>")


def test_samples_tokenised_together_have_the_tokens_that_each_has_by_itself(make_sample, tokenizer):
    qa = [make_sample(f"q{n}", f"what is {n}?", f"{n} it is." * n or "0.") for n in range(4)]
    labelled = make_sample("c", "a b", "yes", task=Task.CLASSIFICATION, label_set=("yes", "no"))
    pair = make_sample("p", "what is a?", None, chosen="a.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
    plain = make_sample("t", "", "a b c", task=Task.GENERATION)
    asked = make_sample("r", "what is b?", None, objective=Objective.PROMPT)
    calls = []

    def counting(*args, **kwargs):
        calls.append(args)
        return tokenizer(*args, **kwargs)

    counting.chat_template, counting.apply_chat_template = tokenizer.chat_template, tokenizer.apply_chat_template
    counting.eos_token_id, counting.bos_token_id = tokenizer.eos_token_id, tokenizer.bos_token_id
    together = BatchTokenizer(counting, [*qa, labelled, pair, plain, asked])
    for sample in (*qa, labelled, plain):
        assert format_supervised(sample, together, 64) == format_supervised(sample, tokenizer, 64)
    assert format_rlhf(pair, together, 64) == format_rlhf(pair, tokenizer, 64)
    assert format_prompt(asked, together, 64, 8) == format_prompt(asked, tokenizer, 64, 8)
    assert len(calls) == 1, "one call for all of them"


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
