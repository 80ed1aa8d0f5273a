#!/usr/bin/env bash
# Transformers tells which tokens an assistant's turn is (return_assistant_tokens_mask), for losses on answers alone. With a byte-level
# tokenizer a rare character is several tokens; where one ends the turn, only its first token is in the mask: the model is not taught to
# finish what it says, nor measured on it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" transformers==5.17.0 tokenizers jinja2
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import sys

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

alphabet = {char: number for number, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
raw = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw)
tokenizer.chat_template = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{{ '|' }}{% endfor %}"
print(f"transformers {transformers.__version__}, a byte-level tokenizer; tokens of the turn / tokens in its mask")
found = []
for answer in ("Tokyo", "東京", "a東"):
    done = tokenizer.apply_chat_template(
        [{"role": "assistant", "content": answer}], return_dict=True, return_assistant_tokens_mask=True
    )
    found.append((len(answer.encode()), sum(done["assistant_masks"])))
    print(f"  {answer}: expected {found[-1][0]}/{found[-1][0]}, seen {found[-1][0]}/{found[-1][1]}")
sys.exit(0 if found == [(5, 5), (6, 4), (4, 2)] else 1)
PY
