#!/usr/bin/env bash
# A LoRA on Mamba's `dt_proj` is put there without a word (PEFT refuses `out_proj` and `conv1d`, whose weights Mamba reads directly), and gets no
# gradient: Transformers' Mamba reads this layer's weight directly, too.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" peft==0.21.0 transformers==5.17.0 accelerate==1.15.0 torch==2.13.0
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import MambaConfig, MambaForCausalLM

torch.manual_seed(0)
base = MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=1, state_size=4))
model = get_peft_model(base, LoraConfig(target_modules=["in_proj", "x_proj", "dt_proj"], r=4, init_lora_weights=False))
ids = torch.arange(8)[None]
model(input_ids=ids, labels=ids).loss.backward()
gradients = {name.split(".")[-4]: weight.grad for name, weight in model.named_parameters() if "lora_B" in name}
norms = {name: "none" if gradient is None else f"{gradient.norm():.4f}" for name, gradient in gradients.items()}
print(f"peft {peft.__version__}, transformers {transformers.__version__}: Mamba with a LoRA on in_proj, x_proj and dt_proj, one backward pass")
print("expected: a gradient in all three, or a refusal of dt_proj as of out_proj")
print(f"seen:     {norms}")
sys.exit(0 if gradients["dt_proj"] is None and gradients["in_proj"] is not None and gradients["x_proj"] is not None else 1)
PY
