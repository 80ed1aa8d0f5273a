"""The answers of a set of `bench_blind`: the small model's to its questions, greedy, 40 new tokens, before or after RL.

Run: `python benchmarks/blind_answers.py SET` adds those of the untrained model to `answers.jsonl`, where they are not there yet; with
`--adapter FOLDER`, a checkpoint's, those of the same model after RL; `--run` names the run that made it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from blind_sets import DATA, rows  # noqa: E402

BATCH, TOKENS = 80, 40


def answers(prompts: list[str], adapter: Path | None) -> Iterator[str]:
    """The model's, in the order of the questions."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_node.models.gguf import default_model

    torch.set_num_threads(1)
    folder = default_model()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    if adapter:
        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    for begin in range(0, len(prompts), BATCH):
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts[begin : begin + BATCH]]
        inputs = tokenizer.apply_chat_template(chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True)
        with torch.inference_mode():
            made = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        yield from (text.strip() for text in tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def main() -> None:
    """Ask all, and add to the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set")
    parser.add_argument("--adapter", type=Path, help="a checkpoint's folder")
    parser.add_argument("--share", action="store_true", help="half of the questions alone, of each kind as many")
    parser.add_argument("--run", default="", help="name of the run that made the checkpoint")
    arguments = parser.parse_args()
    model = "after" if arguments.adapter else "before"
    path = DATA / arguments.set / "answers.jsonl"
    answered = {row["id"] for row in rows(arguments.set, path.name) if row["model"] == model} if path.exists() else set()
    asked = enumerate(rows(arguments.set, "questions.jsonl"))
    questions = [row for at, row in asked if row["id"] not in answered and not (arguments.share and at % 4 in (1, 2))]
    said = answers([row["prompt"] for row in questions], arguments.adapter)
    with path.open("a", encoding="utf-8") as stream:
        for row, answer in zip(questions, said, strict=True):
            stream.write(json.dumps({"id": row["id"], "model": model, "run": arguments.run, "answer": answer}, ensure_ascii=False) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
