"""Reads an export as its users do, and prints answers and loss as JSON. Runs in the readers' environment, which has no Pelton.

Arguments: the reader's name, and a JSON file with `path`, `prompts`, `new_tokens`, `text`, and what the reader needs besides.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def transformers(wanted: dict[str, Any]) -> dict[str, Any]:
    """Transformers alone; with `peft`, an adapter beside the base that it names."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = getattr(torch, wanted.get("dtype", "float32"))
    if wanted.get("peft"):
        from peft import AutoPeftModelForCausalLM

        model = AutoPeftModelForCausalLM.from_pretrained(wanted["path"], torch_dtype=dtype)
    else:
        model = AutoModelForCausalLM.from_pretrained(wanted["path"], torch_dtype=dtype, gguf_file=wanted.get("gguf_file"))
    tokenizer = AutoTokenizer.from_pretrained(wanted.get("tokenizer", wanted["path"]))
    answers = []
    with torch.no_grad():
        for prompt in wanted["prompts"]:
            turns = [{"role": "user", "content": prompt}]
            ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=wanted["new_tokens"], do_sample=False)
            answers.append(tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))
        ids = tokenizer(wanted["text"], return_tensors="pt", add_special_tokens=False)["input_ids"][:, :1200]
        loss = float(model(input_ids=ids, labels=ids).loss)
    limit = tokenizer.model_max_length
    return {"answers": answers, "loss": loss, "tokenizer": type(tokenizer).__name__, "limit": limit, "tokens": ids.shape[1]}


def logits(wanted: dict[str, Any]) -> dict[str, Any]:
    """What a model makes of some tokens."""
    import torch
    from transformers import AutoModelForCausalLM

    found = {}
    for name, path in wanted["paths"].items():
        with torch.no_grad():
            found[name] = AutoModelForCausalLM.from_pretrained(path).eval()(input_ids=torch.tensor(wanted["ids"])).logits.tolist()
    return found


def lm_eval(wanted: dict[str, Any]) -> dict[str, Any]:
    """lm-eval's own model class, greedy, with the chat template applied by it."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=wanted["path"], dtype="float32", device="cpu", batch_size=1)
    asked = [model.apply_chat_template([{"role": "user", "content": prompt}]) for prompt in wanted["prompts"]]
    settings = {"until": [], "max_gen_toks": wanted["new_tokens"], "do_sample": False}
    requests = [Instance("generate_until", {}, (text, settings), number) for number, text in enumerate(asked)]
    return {"answers": model.generate_until(requests, disable_tqdm=True)}


def llama_cpp(wanted: dict[str, Any]) -> dict[str, Any]:
    """llama.cpp, by the chat template in the GGUF file; with `adapter`, a LoRA beside it."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wanted["path"]
    params.n_ctx, params.n_parallel, params.warmup, params.use_jinja = 2048, 1, False, True
    params.cpuparams.n_threads = 1  # several wait for each other by spinning, which takes minutes where the cores are busy
    if wanted.get("adapter"):
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(wanted["adapter"], 1.0)]
    server = xllamacpp.Server(params)
    answers = []
    for prompt in wanted["prompts"]:
        asked = {
            "messages": [{"role": "user", "content": prompt}], "max_tokens": wanted["new_tokens"], "temperature": 0.0, "top_k": 1,
            "cache_prompt": False,
        }  # fmt: skip
        answers.append(server.handle_chat_completions(asked)["choices"][0]["message"]["content"])
    return {"answers": answers}


if __name__ == "__main__":
    reader, file = sys.argv[1:]
    found = {"transformers": transformers, "logits": logits, "lm_eval": lm_eval, "llama_cpp": llama_cpp}[reader](
        json.loads(Path(file).read_text())
    )
    print("\n" + json.dumps(found))
