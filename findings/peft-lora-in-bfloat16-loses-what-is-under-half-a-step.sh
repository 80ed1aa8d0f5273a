#!/usr/bin/env bash
# A LoRA beside a layer in bfloat16 keeps its own weights in float32, yet a small one adds less than they say. The layer's product is rounded
# to bfloat16 before the adapter's is added, and the sum is rounded again: the first already lies on bfloat16's grid, so whatever is under half
# a step of it is lost always, and not half of the time. A merge of the same weights in float32 is then a stronger model than what was trained.
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
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
base = torch.nn.Sequential(torch.nn.Linear(256, 256, bias=False)).to(torch.bfloat16)
model = get_peft_model(base, LoraConfig(target_modules=["0"], r=8, lora_alpha=8)).eval()
layer = model.base_model.model[0]
x = torch.randn(512, 256, dtype=torch.bfloat16)
print(f"peft {peft.__version__}, torch {torch.__version__}: bfloat16 layer, adapter in {layer.lora_A.default.weight.dtype}")
gains = {}
with torch.no_grad():
    plain = layer.base_layer(x).float()
    for size in (3e-1, 1e-3):  # of the adapter's part, beside that of the layer
        layer.lora_B.default.weight.copy_(torch.randn(256, 8))
        part = layer.lora_B.default(layer.lora_A.default(x.float()))
        layer.lora_B.default.weight.mul_(size * plain.std() / part.std())
        part = layer.lora_B.default(layer.lora_A.default(x.float()))
        added = model(x).float() - plain
        gains[size] = float((added * part).sum() / (part * part).sum())
print("expected: what is added is the adapter's part on average (a gain of 1), with rounding as noise, however small the part is")
for size, gain in gains.items():
    print(f"seen:     adapter's part {size:g} of the layer's: gain {gain:.2f}")
sys.exit(0 if abs(gains[3e-1] - 1) < 0.02 and gains[1e-3] < 0.8 else 1)
PY
