#!/usr/bin/env bash
# TRL's KTOTrainer compares each answer with an estimate of the KL divergence over its micro-batch: rows that are paired within the batch of a
# device when the data set is prepared. So the same eight rows in one step learn otherwise as one batch of eight than as two of four with
# gradient accumulation, which elsewhere in TRL is a matter of memory alone.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
if command -v uv >/dev/null; then uv venv -q --python python3 "$folder/venv"; install=(uv pip install -q --python "$folder/venv/bin/python")
else python3 -m venv "$folder/venv"; install=("$folder/venv/bin/pip" install -q); fi
"${install[@]}" trl==1.12.0 transformers==5.17.0 accelerate==1.15.0 datasets==4.8.5 torch==2.13.0
cd "$folder" && "$folder/venv/bin/python" - <<'PY'
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
import torch
import trl
from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback

disable_progress_bars()
words = ["<pad>", "</s>", *(f"w{n}" for n in range(62))]
raw = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<pad>"))
raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="</s>")
shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
rows = [{"prompt": f"w{n} w{n + 1}", "completion": f"w{3 * n + 4} w{2 * n + 5}", "label": n % 2 == 0} for n in range(8)]


class Gradient(TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        self.found = torch.cat([weight.grad.flatten() for weight in model.parameters()])


def made(seed):
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(vocab_size=64, pad_token_id=0, eos_token_id=1, bos_token_id=1, initializer_range=0.3, **shape))


def gradient(batch, accumulation):
    taken = Gradient()
    args = trl.KTOConfig(
        output_dir="out", max_steps=1, per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation, beta=1.0,
        learning_rate=1e-9, bf16=False, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True, max_grad_norm=0.0,
    )
    data = Dataset.from_list(rows)
    trl.KTOTrainer(made(0), made(1), args=args, train_dataset=data, processing_class=tokenizer, callbacks=[taken]).train()
    return taken.found


whole, cut = gradient(8, 1), gradient(4, 2)
off = ((whole - cut).norm() / whole.norm()).item()
print(f"trl {trl.__version__}, KTOTrainer: one step over the same 8 rows, as 1 batch of 8 and as 2 micro-batches of 4")
print("expected: the same gradient, within rounding (1e-6 of its length)")
print(f"seen:     they differ by {off:.2f} of its length")
sys.exit(0 if off > 0.1 else 1)
PY
