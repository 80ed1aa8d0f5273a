"""Chat templates as TRL's package carries them, each with a small byte-level tokenizer that knows the template's control tokens."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any

from tests.models.tiny import WORDS

CHATML = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
THINKING = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
"""Added to the vocabulary, and not special."""
LLAMA = ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|end_of_text|>", "<|python_tag|>", "<|eom_id|>")
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
"""Mistral 7B Instruct's of 2023."""
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
"""Zephyr's: its speakers are no tokens."""
OWN = {"mistral": MISTRAL, "zephyr": ZEPHYR}
SPECIAL: dict[str, tuple[str, ...]] = {
    "qwen": CHATML, "lfm2": CHATML, "nemotron": CHATML, "llama3": LLAMA, "gemma": ("<bos>", "<end_of_turn>", "<start_of_turn>", "<eos>"),
    "phi3": ("<|endoftext|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"),
    "deepseek": ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜tool▁calls▁begin｜>"),
    "cohere": ("<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
    "glm": ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|observation|>", "[gMASK]", "<sop>"),
    "gptoss": ("<|startoftext|>", "<|return|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|call|>"),
    "mistral": ("<s>", "</s>", "[INST]", "[/INST]"), "zephyr": ("<s>", "</s>"),
}  # fmt: skip
NOT_SPECIAL = {"deepseek": ("<｜User｜>", "<｜Assistant｜>", *THINKING)}
PROSE = "assistant user system\n\nHello there. More? Yes, more.\n"
EOS = {"gemma": "<eos>", "phi3": "<|endoftext|>", "glm": "<|endoftext|>", "gptoss": "<|return|>"}
"""Where the end token is not the second of the special ones."""


def source(name: str) -> str:
    """A template by its file's name in TRL, or one of ours."""
    return OWN.get(name) or (files("trl") / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def family(name: str) -> str:
    """Whose template it is."""
    return next(key for key in SPECIAL if name.startswith(key))


@functools.cache
def tokenizer(name: str, bos: bool = True, kind: str = "byte level") -> Any:
    """A tokenizer with the template of this name; of `byte level`, or as SentencePiece's are: `prepended` (Llama 2), `metaspace`."""
    key = family(name)
    special = SPECIAL[key]
    build = byte_level if kind == "byte level" else functools.partial(sentence_piece, is_prepended=kind == "prepended")
    made = build(special, NOT_SPECIAL.get(key, THINKING), eos_token=EOS.get(key, special[1]), bos_token=special[0] if bos else None)
    made.chat_template = source(name)
    return made


def sentence_piece(special: tuple[str, ...], added: tuple[str, ...], is_prepended: bool, **roles: str | None) -> Any:
    """A BPE tokenizer with bytes to fall back on, as SentencePiece's are converted: a space is part of the word behind it."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if is_prepended:
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    every_byte = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<pad>", *special, *every_byte], show_progress=False)
    backend.train_from_iterator([WORDS, PROSE] * 4, trainer)
    state = json.loads(backend.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in every_byte]  # they are no control tokens
    backend = Tokenizer.from_str(json.dumps(state))
    backend.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    named = {role: token for role, token in roles.items() if token}
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", **named)


def byte_level(special: tuple[str, ...], added: tuple[str, ...] = (), **roles: str | None) -> Any:
    """A byte-level BPE tokenizer of a few hundred tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<pad>", *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([WORDS, PROSE] * 4, trainer)
    backend.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", **{role: token for role, token in roles.items() if token})
