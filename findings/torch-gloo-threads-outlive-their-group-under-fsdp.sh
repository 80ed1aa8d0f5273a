#!/usr/bin/env bash
# destroy_process_group ends gloo's threads where DistributedDataParallel used the group; where fully_shard (FSDP2) used it through a
# DeviceMesh they live on, though model and mesh are gone. Such a thread that still lets go of a tensor while Python ends the process takes it
# down by an abort now and then: a training that has done all its work ends with a failure.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" torch==2.13.0 numpy==2.4.1
cat >"$folder/group.py" <<'PY'
import gc
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel


def gloo_threads():
    names = [Path(f"/proc/self/task/{task}/comm").read_text().strip() for task in os.listdir("/proc/self/task")]
    return sum("gloo" in name for name in names)


dist.init_process_group("gloo")
model = torch.nn.Linear(8, 8)
if sys.argv[1] == "fully_shard":
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
else:
    model = DistributedDataParallel(model)
model(torch.randn(2, 8)).sum().backward()
del model
gc.collect()
dist.barrier()
dist.destroy_process_group()
gc.collect()
if os.environ["RANK"] == "1":
    print(gloo_threads())
sys.stdout.flush()
os._exit(0)
PY
threads() { OMP_NUM_THREADS=1 "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc_per_node 2 "$folder/group.py" "$1" 2>/dev/null | tail -1; }
apart=$(threads DistributedDataParallel); sharded=$(threads fully_shard)
echo "torch $("$folder/venv/bin/python" -c 'import torch; print(torch.__version__)'), gloo, two processes: gloo's threads after destroy_process_group"
echo "expected: none, whatever used the group"
echo "seen:     $apart after DistributedDataParallel, $sharded after fully_shard"
[ "$apart" -eq 0 ] && [ "$sharded" -gt 0 ]
