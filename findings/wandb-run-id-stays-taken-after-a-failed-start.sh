#!/usr/bin/env bash
# W&B: a run whose start failed for want of a network keeps its id. A trainer that falls back to offline mode under the same id, so that one
# run goes on over its resumes, is refused ("is in use") until the library's service process is torn down.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" wandb==0.31.0
cd "$folder" && WANDB_SILENT=true WANDB_BASE_URL=http://127.0.0.1:9 WANDB_API_KEY=0000000000000000000000000000000000000000 "$folder/venv/bin/python" - <<'PY'
import sys

import wandb


def start(mode, **settings):
    """What comes of a start: `started`, or the error's first line."""
    try:
        run = wandb.init(project="p", id="the-run", mode=mode, settings=wandb.Settings(**settings))
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:60]}"
    run.finish()
    return "started"


online = start("online", init_timeout=2)  # nobody listens there
offline = start("offline")
wandb.teardown()
after = start("offline")
print(f"wandb {wandb.__version__}: a start without a network, then one in offline mode under the same id")
print("expected: the second is a run in offline mode: the first has raised, and there is no run of that id")
print(f"seen:     online {online!r}, offline {offline!r}, offline after wandb.teardown() {after!r}")
sys.exit(0 if online != "started" and "in use" in offline and after == "started" else 1)
PY
