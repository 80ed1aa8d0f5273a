#!/usr/bin/env bash
# AutoTokenizer goes by the model's type: beside a Qwen2 model, a tokenizer of one's own that was saved as such comes back as Qwen2Tokenizer, with
# a token that it never had. Its number lies beyond the model's rows.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" transformers==5.17.0 torch==2.13.0
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

raw = Tokenizer(models.BPE())
raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
raw.train_from_iterator(["what is the capital"], trainers.BpeTrainer(vocab_size=300, special_tokens=["<pad>", "<eos>"], initial_alphabet=alphabet))
own = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>")
shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
model = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(own), **shape))
model.save_pretrained("model")
own.save_pretrained("model")
loaded = AutoTokenizer.from_pretrained("model")
added = sorted(set(loaded.get_vocab()) - set(own.get_vocab()))
rows = model.get_input_embeddings().num_embeddings
print(f"transformers {transformers.__version__}: a tokenizer of {len(own)} tokens saved beside a Qwen2 model of {rows} rows, and loaded")
print(f"expected: {len(own)} tokens")
print(f"seen:     {len(loaded)} tokens, {type(loaded).__name__}, with {added} as number {[loaded.get_vocab()[token] for token in added]}")
sys.exit(0 if added == ["<|endoftext|>"] and loaded.get_vocab()[added[0]] == rows else 1)
PY
