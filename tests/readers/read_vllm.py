"""Reads an export by vLLM's own code, and prints what it found as JSON. Runs beside Pelton's packages, with vLLM's folder before them.

Arguments: what to do, and a JSON file with `path` and what that needs besides.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def adapter(wanted: dict[str, Any]) -> dict[str, Any]:
    """The adapter as vLLM's reader has it before a model is there: its settings here, its weights in the file `weights`."""
    from safetensors import safe_open
    from safetensors.torch import save_file
    from vllm.config.lora import LoRAConfig
    from vllm.lora.lora_model import LoRAModel
    from vllm.lora.peft_helper import PEFTHelper
    from vllm.lora.utils import parse_fine_tuned_lora_name

    helper = PEFTHelper.from_local_dir(wanted["path"], max_position_embeddings=None)
    helper.validate_legal(LoRAConfig())
    with safe_open(Path(wanted["path"], "adapter_model.safetensors"), framework="pt") as file:
        names = {name: parse_fine_tuned_lora_name(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    read = LoRAModel.from_local_checkpoint(wanted["path"], set(wanted["linear"]), helper, device="cpu")
    weights = {f"{name}.{part}": getattr(one, part).contiguous() for name, one in read.loras.items() for part in ("lora_a", "lora_b")}
    save_file(weights, wanted["weights"])
    layers = {name: {"rank": one.rank, "alpha": one.lora_alpha, "scale": one.scaling} for name, one in read.loras.items()}
    return {"layers": layers, "names": names, "rank": read.rank, "default_rank": LoRAConfig().max_lora_rank}


def serve(wanted: dict[str, Any]) -> dict[str, Any]:
    """vLLM's engine on this machine's processor; with `adapter`, a LoRA beside the base, and what the base answers without it."""
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    settings = {"enable_lora": True, "tokenizer": wanted["adapter"]} if wanted.get("adapter") else {}
    model = LLM(model=wanted["path"], dtype="float32", enforce_eager=True, max_model_len=1024, max_num_seqs=8, **settings)
    asked: Any = [[{"role": "user", "content": prompt}] for prompt in wanted["prompts"]]

    def answers(**more: Any) -> list[str]:
        sampling = SamplingParams(temperature=0.0, max_tokens=wanted["new_tokens"])
        return [one.outputs[0].text for one in model.chat(asked, sampling, use_tqdm=False, **more)]

    if not wanted.get("adapter"):
        return {"answers": answers()}
    return {"answers": answers(lora_request=LoRARequest("mine", 1, wanted["adapter"])), "without": answers()}


if __name__ == "__main__":
    what, file = sys.argv[1:]
    found = {"adapter": adapter, "serve": serve}[what](json.loads(Path(file).read_text(encoding="utf-8")))
    print("\n" + json.dumps(found))
