#!/usr/bin/env bash
# A data set's card may declare the type of each column, and says so of a CSV file's answers: strings. datasets reads the file by pandas
# all the same, which guesses, and turns what was guessed into strings: 007 is 7, and the code of Namibia is missing.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" datasets==4.8.5
mkdir "$folder/set"
cat > "$folder/set/README.md" <<'CARD'
---
dataset_info:
  features:
  - name: question
    dtype: string
  - name: answer
    dtype: string
---
CARD
printf 'question,answer\nWhat is the code of Namibia?,NA\nWhich number has the agent?,007\n' > "$folder/set/train.csv"
cd "$folder" && "$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys

import datasets

rows = datasets.load_dataset("./set", cache_dir="cache", split="train")
print(f"datasets {datasets.__version__}, answers declared as {rows.features['answer']}")
print("expected: ['NA', '007']")
print(f"seen:     {rows['answer'][:]}")
sys.exit(0 if rows["answer"][:] == [None, "7"] else 1)
PY
