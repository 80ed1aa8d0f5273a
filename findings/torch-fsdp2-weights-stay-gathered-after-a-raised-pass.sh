#!/usr/bin/env bash
# Under fully_shard (FSDP2) a forward pass that raises leaves the layers that it was in with whole weights. A loop that passes over a bad batch
# and goes on has processes of which some hold shards and some do not, and the next exchange ends one of them. `reshard()` on each
# FSDPModule after a pass that raised puts it right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" torch==2.13.0 numpy==2.4.1
cat >"$folder/pass.py" <<'PY'
import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(8, 8)
        self.refuses = False

    def forward(self, rows):
        if self.refuses:
            raise ValueError("a bad batch")
        return self.linear(rows)


dist.init_process_group("gloo")
mesh = init_device_mesh("cpu", (2,))
model = torch.nn.Sequential(Layer(), Layer())
for part in (*model, model):
    fully_shard(part, mesh=mesh)


def whole():
    return sum(not isinstance(weight, DTensor) for weight in model.parameters())


model(torch.randn(2, 8)).sum().backward()
counts = [whole()]
model[1].refuses = True
try:
    model(torch.randn(2, 8))
except ValueError:
    counts.append(whole())
for part in model.modules():
    if isinstance(part, FSDPModule):
        part.reshard()
counts.append(whole())
if os.environ["RANK"] == "1":
    print(*counts)
sys.stdout.flush()
dist.barrier()
os._exit(0)
PY
read -r ended raised mended < <(OMP_NUM_THREADS=1 "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc_per_node 2 "$folder/pass.py" 2>/dev/null | tail -1)
echo "torch $("$folder/venv/bin/python" -c 'import torch; print(torch.__version__)'), fully_shard over two processes: weights of four that are whole, not shards"
echo "expected: 0 after a pass, and 0 after one that raised"
echo "seen:     $ended after a pass, $raised after one that raised in both processes, $mended after reshard()"
[ "$ended" -eq 0 ] && [ "$raised" -gt 0 ] && [ "$mended" -eq 0 ]
