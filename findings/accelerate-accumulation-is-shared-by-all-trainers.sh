#!/usr/bin/env bash
# accelerate keeps the number of accumulated micro-batches in a state that all Accelerators of a process share: where two trainers live in
# one process, the one that sets it changes how often the other one steps.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" accelerate==1.15.0 torch==2.13.0
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import sys

import accelerate
import torch

first, second = (accelerate.Accelerator(cpu=True, gradient_accumulation_steps=1) for _ in range(2))
model = torch.nn.Linear(2, 2)
model, optimizer = first.prepare(model, torch.optim.SGD(model.parameters(), lr=1.0))
before = model.weight.detach().clone()
second.gradient_accumulation_steps = 4  # of the other trainer
with first.accumulate(model):
    first.backward(model(torch.ones(1, 2)).sum())
    optimizer.step()
stepped = not torch.equal(before, model.weight)
print(f"accelerate {accelerate.__version__}: two Accelerators made for 1 micro-batch a step; the second is then set to 4")
print("expected: the first still counts 1, and its optimizer has stepped after one micro-batch")
print(f"seen:     the first counts {first.gradient_accumulation_steps}, and its optimizer has {'stepped' if stepped else 'not stepped'}")
sys.exit(0 if first.gradient_accumulation_steps == 4 and not stepped else 1)
PY
