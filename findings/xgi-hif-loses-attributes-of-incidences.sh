#!/usr/bin/env bash
# HIF is the exchange format of hypergraphs: a node takes part in an edge by an incidence, which may have attributes (a role, say). xgi
# reads such a file and writes it again without them, although its own reader took the file for valid.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" xgi==0.10.2
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import json
import sys
from importlib.metadata import version

import xgi

given = {
    "network-type": "undirected",
    "nodes": [{"node": "Dune"}, {"node": "Frank Herbert"}],
    "edges": [{"edge": "e1", "attrs": {"predicate": "written_by"}}],
    "incidences": [
        {"edge": "e1", "node": "Dune", "attrs": {"role": "subject"}},
        {"edge": "e1", "node": "Frank Herbert", "attrs": {"role": "object"}},
    ],
}
with open("given.json", "w", encoding="utf-8") as file:
    json.dump(given, file)
xgi.write_hif(xgi.read_hif("given.json"), "written.json")
with open("written.json", encoding="utf-8") as file:
    written = json.load(file)
kept = [incidence.get("attrs") for incidence in written["incidences"]]
print(f"xgi {version('xgi')}: a HIF file read and written again")
print('expected: incidences with their roles, {"role": "subject"} and {"role": "object"}')
print(f"seen:     {json.dumps(written['incidences'], sort_keys=True)}; the edge keeps {json.dumps(written['edges'][0].get('attrs'))}")
sys.exit(0 if not any(kept) else 1)
PY
