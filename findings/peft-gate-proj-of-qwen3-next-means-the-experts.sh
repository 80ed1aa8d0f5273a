#!/usr/bin/env bash
# PEFT takes the names of a mixture's old expert layers in target_modules and turns them into the fused experts. In Qwen3-Next the shared
# expert has a layer of the very name `gate_proj`, a plain linear one: it cannot be named, since the name is taken for the experts'.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" peft==0.21.0 transformers==5.17.0 accelerate==1.15.0 torch==2.13.0
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import sys
import warnings

warnings.filterwarnings("ignore")
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import Qwen3NextConfig, Qwen3NextForCausalLM

model = Qwen3NextForCausalLM(Qwen3NextConfig(
    vocab_size=64, hidden_size=32, intermediate_size=64, moe_intermediate_size=16, shared_expert_intermediate_size=16, num_hidden_layers=4,
    num_attention_heads=4, num_key_value_heads=2, head_dim=16, num_experts=4, num_experts_per_tok=2, linear_num_key_heads=2,
    linear_num_value_heads=2, linear_key_head_dim=8, linear_value_head_dim=8,
))
linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and name.endswith("gate_proj")]
try:
    adapted = get_peft_model(model, LoraConfig(target_modules=["gate_proj"], r=4))
    seen = f"LoRA on {len({n.split('.lora_')[0] for n, _ in adapted.named_parameters() if 'lora_' in n})} modules"
    refused = False
except ValueError as error:
    seen, refused = f"ValueError: {error}", True
print(f"peft {peft.__version__}, transformers {transformers.__version__}: Qwen3-Next, target_modules=['gate_proj']")
print(f"expected: a LoRA on the {len(linear)} linear layers of that name ({linear[0]}, …)")
print(f"seen:     {seen}")
sys.exit(0 if refused and len(linear) == 4 else 1)
PY
