"""The engine answers as `generate` does, owes nothing to the model's folder, and draws by keys alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    Lfm2Config,
    Lfm2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.models.tiny import build
from trainer_node.fast.decode import SlotDecoder
from trainer_node.models.adapters import add_lora
from trainer_node.models.engine import GREEDY, Sampling, engine_of, key_of
from trainer_node.models.engine.decoders import ModelDecoder, shared_beginning
from trainer_node.models.engine.engine import Engine
from trainer_node.models.engine.generating import Generating
from trainer_node.models.engine.sampling import uniforms
from trainer_node.models.loader import load_model

STOPS, PAD, VOCABULARY = list(range(1, 16)), 0, 96
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": STOPS,
    "pad_token_id": PAD,
}
LLAMA_LIKE: dict[str, Any] = SIZES | {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}  # fmt: skip


def llama() -> Any:
    return LlamaForCausalLM(LlamaConfig(**LLAMA_LIKE))


def qwen3() -> Any:
    return Qwen3ForCausalLM(Qwen3Config(**LLAMA_LIKE, head_dim=16))


def neox() -> Any:
    return GPTNeoXForCausalLM(GPTNeoXConfig(**LLAMA_LIKE | {"num_key_value_heads": 4}))


def gpt2() -> Any:
    return GPT2LMHeadModel(GPT2Config(**SIZES, n_embd=32, n_layer=2, n_head=4, n_positions=256))


def lfm2() -> Any:
    return Lfm2ForCausalLM(Lfm2Config(**LLAMA_LIKE, layer_types=["conv", "full_attention"]))


def made(build_it: Any) -> Any:
    torch.manual_seed(1)
    return build_it().eval()


def prompts(count: int = 11) -> list[list[int]]:
    """Of 1 to 40 tokens, none of them one that ends an answer."""
    numbers = torch.Generator().manual_seed(3)
    return [torch.randint(16, VOCABULARY, (1 + 13 * i % 40,), generator=numbers).tolist() for i in range(count)]


def generated(model: Any, prompt: list[int], room: int) -> list[int]:
    """Transformers' greedy answer to one prompt alone."""
    ids = torch.tensor([prompt])
    output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=room, do_sample=False)
    answer: list[int] = output[0, len(prompt) :].tolist()
    return answer


def engine(model: Any, most: int = 4) -> Engine | Generating:
    return Engine(ModelDecoder(model), STOPS, most)


@pytest.mark.parametrize("build_it", [llama, qwen3, neox, gpt2])
def test_greedy_answers_are_those_of_generate_while_slots_are_filled_anew(build_it: Any):
    model = made(build_it)
    asked = prompts()
    answers = engine(model, most=3).answer(asked, 24, GREEDY)
    assert [answer.tokens for answer in answers] == [generated(model, prompt, 24) for prompt in asked]
    assert len({len(answer.tokens) for answer in answers}) > 2, "all answers end together: nothing was filled anew"


@pytest.mark.parametrize("build_it", [llama, qwen3, neox, gpt2])
def test_what_all_prompts_begin_with_is_read_once_and_changes_no_answer(build_it: Any):
    model = made(build_it)
    system = prompts(4)[3]  # 40 tokens
    asked = [system + prompt for prompt in [*prompts(7), prompts(7)[2]]]
    read: list[int] = []
    with model.get_input_embeddings().register_forward_hook(lambda module, given, found: read.append(given[0].numel())):
        answers = engine(model, most=8).answer(asked, 24, GREEDY)
    assert read[:2] == [len(system), 8 * max(len(prompt) - len(system) for prompt in asked)]
    assert [answer.tokens for answer in answers] == [generated(model, prompt, 24) for prompt in asked]


def test_prompts_that_are_one_and_the_same_are_each_answered():
    model = made(llama)
    (prompt,) = prompts(4)[3:]
    answers = engine(model).answer([prompt] * 6, 24, Sampling(1.0), list(range(6)))
    alone = [engine(model, most=1).answer([prompt], 24, Sampling(1.0), [key])[0].tokens for key in range(6)]
    assert [answer.tokens for answer in answers] == alone
    assert len({tuple(answer) for answer in alone}) > 1


@pytest.mark.parametrize(
    ("beginnings", "shared"), [([30], 0), ([30, 30], 30), ([30, 12, 20], 12), ([30, 7, 20], 0), ([39, 9, 20], 0), ([9], 0)]
)
def test_only_a_beginning_that_is_worth_a_pass_is_shared(beginnings: list[int], shared: int):
    said = prompts(11)[3]
    asked = [[*said[:length], 16 + at] for at, length in enumerate(beginnings)]
    assert shared_beginning(asked) == shared
    assert shared_beginning([said[:9], said[:30]]) == 8, "one token is left of each"


def test_a_model_with_recurrent_layers_is_answered_with_by_generate_alike():
    model = made(lfm2)
    asked = prompts()
    answers = Generating(model, STOPS, PAD).answer(asked, 12, GREEDY)
    assert [answer.tokens for answer in answers] == [generated(model, prompt, 12) for prompt in asked]


def test_the_fast_path_decodes_what_the_model_does_with_its_adapter():
    model = add_lora(made(llama), r=4, alpha=8, fast=True).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)
    decoder = SlotDecoder(model.get_base_model().pelton_fast)
    asked = prompts()
    fast = Engine(decoder, STOPS, 3).answer(asked, 24, GREEDY)
    plain = engine(model).answer(asked, 24, GREEDY)
    assert [answer.tokens for answer in fast] == [answer.tokens for answer in plain] == [generated(model, prompt, 24) for prompt in asked]
    for one, other in zip(fast, plain, strict=True):
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-4)


@pytest.mark.parametrize("build_it", [llama, lfm2])
def test_a_tokens_log_probability_is_that_of_a_forward_pass_at_the_same_temperature(build_it: Any):
    model = made(build_it)
    ways = [Generating(model, STOPS, PAD), *([engine(model)] if build_it is llama else [])]
    for way in ways:
        for prompt, answer in zip(prompts(4), way.answer(prompts(4), 12, Sampling(0.7), [5, 6, 7, 8]), strict=True):
            logits = model(torch.tensor([prompt + answer.tokens])).logits[0, len(prompt) - 1 : -1] / 0.7
            expected = logits.log_softmax(-1).gather(1, torch.tensor(answer.tokens)[:, None])[:, 0]
            assert answer.log_probabilities == pytest.approx(expected.tolist(), abs=1e-4)


@pytest.mark.parametrize("greedy", [True, False])
def test_nothing_of_the_folders_generation_settings_reaches_an_answer(greedy: bool):
    leaking = {
        "repetition_penalty": 1.8, "min_p": 0.3, "typical_p": 0.4, "no_repeat_ngram_size": 2, "suppress_tokens": list(range(8, 60)),
        "temperature": 3.0, "top_k": 2, "top_p": 0.2, "do_sample": True, "num_beams": 3, "max_new_tokens": 2, "bad_words_ids": [[61]],
        "forced_eos_token_id": 9, "min_new_tokens": 9, "begin_suppress_tokens": [70], "exponential_decay_length_penalty": (1, 1.5),
        "renormalize_logits": True, "epsilon_cutoff": 0.1, "eta_cutoff": 0.1, "encoder_repetition_penalty": 2.0, "stop_strings": ["a"],
    }  # fmt: skip
    sampling = GREEDY if greedy else Sampling(1.0)
    for build_it in (llama, lfm2):
        model = made(build_it)
        way = engine(model) if build_it is llama else Generating(model, STOPS, PAD)
        clean = way.answer(prompts(), 12, sampling)
        for name, value in leaking.items():
            setattr(model.generation_config, name, value)
        assert way.answer(prompts(), 12, sampling) == clean
        assert model.generation_config.repetition_penalty == 1.8, "the model's own settings are not ours to change"


@pytest.mark.parametrize("build_it", [llama, lfm2])
def test_an_answer_is_drawn_by_its_key_whoever_else_is_asked(build_it: Any):
    model = made(build_it)
    way = engine(model) if build_it is llama else Generating(model, STOPS, PAD)
    asked = prompts(6)
    keys = [key_of("run", 12, prompt_id, completion) for prompt_id in ("a", "b", "c") for completion in range(2)]
    together = way.answer(asked, 16, Sampling(1.0), keys)
    alone = [way.answer([prompt], 16, Sampling(1.0), [key])[0] for prompt, key in zip(asked, keys, strict=True)]
    assert [answer.tokens for answer in together] == [answer.tokens for answer in alone]
    again = way.answer([asked[0]] * 3, 16, Sampling(1.0), [keys[0], keys[1], keys[0]])
    assert again[0].tokens == again[2].tokens != again[1].tokens


def test_tokens_are_drawn_as_often_as_their_probability_says():
    model = made(llama)
    prompt, count = [20, 21, 22], 4000
    answers = Engine(ModelDecoder(model), STOPS).answer([prompt] * count, 1, Sampling(1.5), [key_of("run", i) for i in range(count)])
    seen = torch.bincount(torch.tensor([answer.tokens[0] for answer in answers]), minlength=VOCABULARY)
    expected = (model(torch.tensor([prompt])).logits[0, -1] / 1.5).softmax(-1) * count
    enough = expected > 5
    chi_square = ((seen - expected).square() / expected)[enough].sum()
    assert chi_square < enough.sum() + 4 * (2 * enough.sum()) ** 0.5


def test_draws_of_one_key_and_of_many_fill_the_unit_interval_evenly():
    places, keys = torch.arange(20_000), torch.tensor([key_of(i) for i in range(20_000)])
    for drawn in (uniforms(torch.full_like(places, keys[0]), places), uniforms(keys, torch.zeros_like(keys))):
        assert 0 <= drawn.min() < 1e-3
        assert 1 - 1e-3 < drawn.max() < 1
        assert torch.histc(drawn.float(), 20, 0, 1).sub(1000).abs().max() < 150


def test_weights_that_are_no_numbers_give_answers_all_the_same():
    model = made(llama)
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    answers = engine(model).answer(prompts(3), 4, Sampling(1.0))
    assert [len(answer.tokens) for answer in answers] == [4, 4, 4]


def test_a_models_engine_is_made_once_and_sees_what_the_adapter_has_learnt(tmp_path: Any):
    loaded = load_model(build(tmp_path), 32, backend="hf", device="cpu")
    model = add_lora(loaded.model, r=4, alpha=8)
    model.eval()
    first = engine_of(model, loaded.tokenizer)
    before = first.answer([[10, 11, 12]], 8, GREEDY)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.5)
    assert engine_of(model, loaded.tokenizer) is first
    assert first.answer([[10, 11, 12]], 8, GREEDY) != before


def test_each_answer_is_told_as_it_ends_while_others_go_on():
    model, asked = made(llama), prompts()
    for engine in (Engine(ModelDecoder(model), STOPS, most=3), Generating(model, STOPS, PAD)):
        told: list[tuple[int, Any]] = []
        answers = engine.answer(asked, 12, GREEDY, finished=lambda index, answer, told=told: told.append((index, answer)))
        assert sorted(told, key=lambda one: one[0]) == list(enumerate(answers))
        if isinstance(engine, Engine):
            assert len(told[0][1].tokens) < max(len(answer.tokens) for answer in answers)
