"""Where an answer is over: at the end of the turn in the model's template, whatever the tokenizer calls its end token."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from schemas.errors import ConfigError
from schemas.training_sample import Objective
from tests.models import chat
from trainer_node.data.examples import IGNORED
from trainer_node.data.tokenization import format_rlhf, format_sft, prompt_tokens
from trainer_node.models.generation import answer, as_prompt
from trainer_node.models.gguf import with_pad_token
from trainer_node.models.loader import load_tokenizer
from trainer_node.models.stopping import answering, say_where_to_stop, stops_of, with_end_token


def names(tokenizer, ids):
    return tokenizer.convert_ids_to_tokens(ids)


def test_an_answer_ends_with_the_turn_of_the_template_and_a_plain_text_with_the_end_token(make_sample):
    gemma = chat.tokenizer("gemma")
    learnt = [label for label in format_sft(make_sample(), gemma, 512).labels if label != IGNORED]
    assert gemma.decode(learnt) == "b.<end_of_turn>"
    pair = format_rlhf(make_sample(completion=None, chosen="a", rejected="b", objective=Objective.PREFERENCE), gemma, 512)
    assert names(gemma, [pair.chosen_ids[-1], pair.rejected_ids[-1]]) == ["<end_of_turn>", "<end_of_turn>"]
    assert gemma.decode(format_sft(make_sample(prompt="", completion="a b"), gemma, 512).input_ids) == "<bos>a b<eos>"


def test_a_model_stops_at_its_templates_end_at_its_tokenizers_and_at_its_own_and_never_because_of_padding():
    gemma = chat.tokenizer("gemma")
    model = SimpleNamespace(generation_config=GenerationConfig(eos_token_id=[gemma.pad_token_id, 1, 77]))
    assert names(gemma, stops_of(model, gemma)[:2]) == ["<end_of_turn>", "<eos>"]
    assert stops_of(model, gemma)[2:] == [1, 77]
    say_where_to_stop(model, gemma)
    assert model.generation_config.eos_token_id == [*stops_of(SimpleNamespace(), gemma), 1, 77]
    assert model.generation_config.pad_token_id == gemma.pad_token_id
    chatml = chat.tokenizer("qwen2_5")
    assert stops_of(SimpleNamespace(generation_config=GenerationConfig(eos_token_id=5)), chatml) == [chatml.eos_token_id, 5]


def test_trainers_that_know_one_end_alone_are_given_the_turns():
    gemma, chatml = chat.tokenizer("gemma"), chat.tokenizer("qwen2_5")
    assert answering(gemma).eos_token == "<end_of_turn>"
    assert gemma.eos_token == "<eos>"
    assert answering(chatml) is chatml


def test_a_tokenizer_without_an_end_token_takes_its_templates_or_is_refused_in_one_line(tmp_path):
    named = chat.byte_level(chat.CHATML)
    named.chat_template = chat.source("lfm2")
    assert with_end_token(named, "it").eos_token == "<|im_end|>"
    bare = chat.byte_level(chat.CHATML)
    with pytest.raises(ConfigError, match=r"^the tokenizer of it has no end token: name one as `eos_token` in its tokenizer_config.json$"):
        with_end_token(bare, "it")
    bare.save_pretrained(tmp_path)
    LlamaConfig(vocab_size=400).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ConfigError, match="no end token"):
        load_tokenizer(tmp_path, 64)


def test_a_models_tokenizer_comes_without_its_weights_and_knows_how_long_a_sample_may_be(tiny_model, tokenizer):
    assert load_tokenizer(tiny_model, 64).model_max_length == 64
    assert load_tokenizer(tiny_model, 10**6).model_max_length == 1024, "the model's own limit"
    assert load_tokenizer(tiny_model, 64).get_vocab() == tokenizer.get_vocab()


def test_where_padding_is_the_end_token_the_end_is_learnt_all_the_same(make_sample):
    from trainer_node.training.losses import collate, target_tokens

    tokenizer = copy.deepcopy(chat.tokenizer("zephyr"))
    tokenizer.pad_token = tokenizer.eos_token
    examples = [format_sft(make_sample(completion=text), tokenizer, 64) for text in ("b.", "b c d e")]
    batch = collate(examples, tokenizer.pad_token_id)
    assert batch.labels[:, -1].tolist() == [tokenizer.eos_token_id] * 2
    assert int((batch.labels != IGNORED).sum()) == target_tokens(examples)
    assert batch.attention_mask.sum(-1).tolist() == [len(example) for example in examples]


def test_a_padding_token_is_taken_from_the_vocabulary_where_padding_would_be_the_end_token():
    tokenizer = copy.deepcopy(chat.tokenizer("qwen2_5"))
    tokenizer.pad_token = tokenizer.eos_token
    assert with_pad_token(tokenizer).pad_token == "<|endoftext|>"


@pytest.mark.parametrize("name", ["llama3", "gemma", "mistral"])
def test_a_beginning_that_both_template_and_tokenizer_write_is_there_once(name, make_sample):
    from tokenizers import processors

    tokenizer = copy.deepcopy(chat.tokenizer(name))
    bos = (tokenizer.bos_token, tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])
    assert tokenizer("a")["input_ids"][0] == bos[1]
    for ids in (prompt_tokens(make_sample(), tokenizer), format_sft(make_sample(prompt="", completion="a"), tokenizer, 64).input_ids):
        assert ids[0] == bos[1]
        assert ids.count(bos[1]) == 1


def test_a_model_that_ends_its_turn_is_not_asked_for_more():
    gemma = chat.tokenizer("gemma")
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=len(gemma), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    )
    end = gemma.convert_tokens_to_ids("<end_of_turn>")
    with torch.no_grad():  # whatever it reads, the end of the turn is what it says
        model.model.norm.weight.zero_()
        model.lm_head.weight.zero_()
    steps = []
    model.register_forward_hook(lambda *_: steps.append(1))
    model.lm_head.register_forward_hook(lambda _module, _inputs, logits: logits.index_fill(-1, torch.tensor([end]), 9.0))
    assert answer(model, gemma, [as_prompt("a?")], 20) == [""]
    assert len(steps) == 1
