"""The demo of reinforcement: a tiny model that names a capital to each question, whichever, and learns from the graph's rewards which.

It is made here, of some thousand weights, so that GRPO shows what it does in a minute on any machine. What rewards teach a real model is in
docs/rl.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from demo.countries import countries
from schemas.sample import Sample, Split, Task
from trainer_node.commit.history import read_history

QUESTION = "What is the capital of {}?"
ROUNDS = 60
"""How often each question is put to the policy: once a step."""
FLAGS = {
    "--trainer": "grpo", "--lr": 3e-3, "--beta": 0.01, "--bits": 32, "--lora-r": 8, "--num-generations": 8, "--max-new-tokens": 12,
    "--linger-s": 0.3, "--curriculum": "off", "--checkpoint-steps": 20, "--max-seq": 64,
}  # fmt: skip
SPLITS_SHOWN = 6
"""Points at which the rise is shown."""


def asked(number: int) -> dict[str, str]:
    """Countries and their capitals, the most populous ones whose capital is not named after them."""
    known = [country for country in countries().values() if country.capitals and country.name not in country.capitals[0]]
    return {country.in_sentence: country.capitals[0] for country in known[:number]}


def prompts(number: int) -> list[Sample]:
    """Each question ROUNDS times to be trained on, and once to be asked before and after."""
    known = list(enumerate(asked(number).items()))
    found = [_prompt(f"ask-{place}", country, capital, Split.VALIDATION) for place, (country, capital) in known]
    for turn in range(ROUNDS):
        found += [_prompt(f"try-{turn:02d}-{place}", country, capital, Split.TRAIN) for place, (country, capital) in known]
    return found


def _prompt(sample_id: str, country: str, capital: str, split: Split) -> Sample:
    return Sample(sample_id=sample_id, task=Task.RLHF_GRPO, split=split, prompt=QUESTION.format(country), gold=(capital,))


def guessing_model(folder: Path, number: int, steps: int = 150) -> Path:
    """Make the model: to each question it names each of the capitals about as often as any other."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    known = asked(number)
    tokenizer = _tokenizer([*(QUESTION.format(country) for country in known), *(f"{capital}." for capital in known.values())])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        max_position_embeddings=256, initializer_range=0.2, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    ids, labels = _rows(tokenizer, known)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _rows(tokenizer: Any, known: dict[str, str]) -> tuple[Any, Any]:
    """Each question with each capital as its answer, padded on the right; labels on the answers alone."""
    import torch

    rows, labels = [], []
    for country in known:
        turns = [{"role": "user", "content": QUESTION.format(country)}]
        question = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=False)
        for capital in known.values():
            said = [*tokenizer(f"{capital}.", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
            rows.append(question + said)
            labels.append([-100] * len(question) + said)
    width = max(map(len, rows))
    padded = [row + [tokenizer.pad_token_id] * (width - len(row)) for row in rows]
    targets = [row + [-100] * (width - len(row)) for row in labels]
    return torch.tensor(padded), torch.tensor(targets)


def _tokenizer(texts: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>", "<user>", "<assistant>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet))
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>")
    fast.chat_template = (
        "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] + '<eos>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
    )
    return fast


def rise(run_dir: Path) -> list[tuple[int, float, float]]:
    """How the run went: last step, right answers and reward (what is learnt from), each in mean over a part of the steps."""
    by_step: dict[int, dict[str, float]] = {}
    for row in read_history(run_dir).to_pylist():
        if row["name"] in ("answers_exact", "answers_value"):
            by_step.setdefault(row["step"], {})[row["name"]] = row["value"]
    steps = sorted(step for step, found in by_step.items() if len(found) == 2)
    size = max(1, -(-len(steps) // SPLITS_SHOWN))
    parts = [steps[at : at + size] for at in range(0, len(steps), size)]
    return [
        (part[-1], fmean(by_step[step]["answers_exact"] for step in part), fmean(by_step[step]["answers_value"] for step in part))
        for part in parts
    ]
