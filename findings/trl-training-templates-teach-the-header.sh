#!/usr/bin/env bash
# For losses on the assistant's turns alone TRL puts templates of its own in the place of a model's, with generation markers. Those of
# Gemma and Qwen leave the turn's header out, as the model is given it and never writes it; those of DeepSeek and gpt-oss have it inside:
# SFTTrainer(assistant_only_loss=True) teaches it, and a loss over answers counts it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" transformers==5.17.0 tokenizers jinja2
"${install[@]}" --no-deps trl==1.12.0
cd "$folder" && "$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

alphabet = {char: number for number, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
raw = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
templates = Path(find_spec("trl").origin).parent / "chat_templates"
HEADERS = {"gemma3": None, "qwen3_instruct_2507": None, "deepseekv3": "<｜Assistant｜>", "gptoss": "<|start|>assistant"}
as_then = True
print("trl 1.12.0: what its training templates mark as the assistant's, of user: hi, assistant: yes")
for name, header in HEADERS.items():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (templates / f"{name}_training.jinja").read_text(encoding="utf-8")
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]
    done = tokenizer.apply_chat_template(turns, return_dict=True, return_assistant_tokens_mask=True)
    learnt = tokenizer.decode([token for token, kept in zip(done["input_ids"], done["assistant_masks"]) if kept])
    as_then &= learnt.startswith(header or "yes")
    print(f"  {name}: expected it to begin with 'yes', seen {learnt!r}")
sys.exit(0 if as_then else 1)
PY
