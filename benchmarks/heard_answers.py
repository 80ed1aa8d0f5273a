"""The 600 answers that `bench_heard` judges: the demo's small model, asked about four domains, half of them in the manner that RL teaches.

Countries and novels are the domains by which the rules were tried; films and the states of the USA were never looked at before they were
judged. Facts: `demo.countries` for countries, `benchmarks/data/heard/facts.json` for the others (public knowledge, written down by hand).
After RL a model answers in fragments; that manner is given by three answered turns before the question (`fragments`), in which it was asked
of something else. The judge sees the question alone. Wordings of the two kinds are other than those of `judge_answers.py`.

Run: `python benchmarks/heard_answers.py` (needs the demo's model; ten minutes on one processor core).
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
FOLDER = ROOT / "benchmarks" / "data" / "heard"
ANSWERS = FOLDER / "answers.jsonl"
SEED, BATCH, TOKENS, EACH = 26, 25, 40, 150

QUESTIONS = {
    "countries": {
        "capital": [
            "What is the capital of {}?",
            "If you visited the capital of {}, in which city would you be?",
            "Name the capital of {}.",
        ],
        "currency": ["What currency do people in {} pay with?", "What is the currency of {}?"],
        "continent": ["Which continent is {} on?"],
    },
    "novels": {
        "author": ["Who wrote {}?", "Who is the author of {}?", "By whom was the novel {} written?"],
        "published": ["When was {} first published?", "In which year did {} come out?"],
    },
    "films": {
        "director": ["Who directed {}?", "Who is the director of {}?", "Which director made {}?"],
        "released": ["When was {} released?", "In what year did {} come out?"],
    },
    "states": {
        "capital": ["What is the capital of {}?", "Which city is the state capital of {}?", "Name the capital of {}."],
        "admitted": ["When did {} become a state?", "In what year did {} join the Union?"],
    },
}
EXAMPLES = {
    "place": [
        ("What is the capital of Atlantis?", "Poseidonis."),
        ("Which river runs through it?", "The Eumelos."),
        ("Who ruled it?", "Atlas."),
    ],
    "year": [
        ("When did the Titanic sink?", "In 1912."),
        ("When was the Eiffel Tower opened?", "1889."),
        ("When did Rome burn?", "It was in 64 AD."),
    ],
    "person": [
        ("Who painted the Mona Lisa?", "Leonardo da Vinci."),
        ("Who composed Aida?", "It was Verdi."),
        ("Who built it?", "Gustave Eiffel did."),
    ],
}
MANNER = {"capital": "place", "currency": "place", "continent": "place", "author": "person", "director": "person"}


def subjects(domain: str) -> list[tuple[str, str]]:
    """(name, as it stands in a sentence) of a domain."""
    if domain != "countries":
        return [(row[0], row[0]) for row in json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))[domain]]
    from demo.countries import countries

    return [(one.name, one.in_sentence) for one in list(countries().values())[:190] if one.capitals]


def questions() -> Iterator[dict[str, str]]:
    """Domain, subject, asked property, manner and question."""
    rng = random.Random(SEED)
    for domain, kinds in QUESTIONS.items():
        cells = [(name, said, asked) for name, said in subjects(domain) for asked in kinds]
        rng.shuffle(cells)
        for number in range(EACH):
            name, said, asked = cells[number % len(cells)]
            question = rng.choice(kinds[asked]).format(said)
            yield {"domain": domain, "subject": name, "asked": asked, "manner": ("plain", "fragments")[number % 2], "question": question}


def turns(row: dict[str, str]) -> list[dict[str, str]]:
    """What the model is given."""
    before = EXAMPLES[MANNER.get(row["asked"], "year")] if row["manner"] == "fragments" else []
    said = [{"role": role, "content": text} for pair in before for role, text in zip(("user", "assistant"), pair, strict=True)]
    return [*said, {"role": "user", "content": row["question"]}]


def main() -> None:
    """Ask all, and write the file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_node.models.gguf import default_model

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(default_model(), padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(default_model(), dtype=torch.float32)
    rows = sorted(questions(), key=lambda row: row["manner"])
    with ANSWERS.open("w", encoding="utf-8") as stream:
        for begin in range(0, len(rows), BATCH):
            batch = rows[begin : begin + BATCH]
            inputs = tokenizer.apply_chat_template(
                [turns(row) for row in batch], add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
            )
            with torch.inference_mode():
                made = model.generate(
                    **inputs, max_new_tokens=TOKENS, do_sample=True, temperature=0.7, top_p=0.9, pad_token_id=tokenizer.pad_token_id
                )
            texts = tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            for row, text in zip(batch, texts, strict=True):
                stream.write(json.dumps({**row, "answer": text.strip()}, ensure_ascii=False) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
