"""Which characters are control tokens, how they are found among thousands, and what becomes of them in what someone says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadRecord, DeadLetterReason
from tests.models import chat
from trainer_node.data.control_tokens import ControlTokens, Text

NAMES = ("<|im_start|>", "<|im", "<|im_end|>", "</s>", "[INST]", "[/INST]", *(f"<unused{number}>" for number in range(300)))
PARTS = ("<unused", "5", "12", ">", "<|im", "_end|>", "_start", "|>", "a", "</s>", "[", "/", "INST]", "<", "\n", "🙂")


@pytest.fixture(scope="module")
def tokenizer():
    return chat.byte_level(NAMES, ("<think>", "<other>", "\n\n", "word"), eos_token="</s>")


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_of_many_names_the_longest_that_stands_there_is_found(tokenizer, text):
    naive = re.compile("|".join(re.escape(name) for name in sorted((*NAMES, "<pad>"), key=len, reverse=True)))
    pattern = ControlTokens(tokenizer, "").pattern("user")
    assert [found.span() for found in pattern.finditer(text)] == [found.span() for found in naive.finditer(text)]


def test_added_tokens_are_control_tokens_where_they_are_special_or_the_template_writes_them_and_are_no_words(tokenizer):
    control = ControlTokens(tokenizer, "<other>word\n\n")
    assert control.pattern("user").findall("<other><think>word\n\n</s>") == ["<other>", "</s>"]
    assert ControlTokens(tokenizer, "").pattern("user").findall("<other>") == []
    assert ControlTokens(tokenizer, "<think>").pattern("user").findall("<think>") == ["<think>"]
    assert ControlTokens(tokenizer, "<think>").pattern("assistant").findall("<think></s>") == ["</s>"]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_a_text_whose_control_tokens_are_all_said_is_split_and_one_whose_are_the_templates_is_as_ever(tokenizer, text):
    control = ControlTokens(tokenizer, "")
    assert control.encode(control.answer(text)).ids == tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert control.encode(Text(text)).ids == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert control.measured([text])[0].ids == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_characters_are_found_in_their_tokens_also_behind_control_tokens_under_other_names(tokenizer):
    text = "</s>ab</s>c🙂 d</s>"
    encoded = ControlTokens(tokenizer, "").encode(Text(text, ((6, 10),)))
    first, behind = encoded.tokens((10, len(text) - 4))
    assert tokenizer.decode(encoded.ids[first:behind]) == "c🙂 d"
    assert tokenizer.decode(encoded.ids[: encoded.tokens((4, 10))[1]]) == "</s>ab</s>"


def test_a_token_on_both_sides_of_a_place_has_no_boundary_there(tokenizer):
    encoded = ControlTokens(tokenizer, "").measured(["a\n\nb"])[0]
    assert tokenizer.decode(encoded.ids[1:2]) == "\n\n"
    assert encoded.tokens((2, 4)) is None
    assert encoded.tokens((0, 2)) is None
    assert encoded.tokens((1, 3)) == (1, 2)
    assert encoded.tokens((0, 4)) == (0, 3)


def test_a_tokenizer_that_cannot_take_control_tokens_as_text_refuses_the_text_by_name(tokenizer):
    class Slow:
        is_fast = False

        def __getattr__(self, name):
            return getattr(tokenizer, name)

    control = ControlTokens(Slow(), "")
    with pytest.raises(BadRecord, match="cannot take as text") as bad:
        control.encode(control.answer("a</s>"))
    assert bad.value.reason is DeadLetterReason.UNTRAINABLE
