#!/usr/bin/env bash
# TRL's RLOOTrainer lets a reward function say None: "no reward for this answer". Such an answer is left out of the baseline and of the KL
# term, but the loss is still divided by all answers: with half of the rewards missing, a step is half as long.
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
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback

words = ["<pad>", "</s>", *(f"w{n}" for n in range(62))]
raw = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<pad>"))
raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="</s>")
torch.manual_seed(0)
shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
model = LlamaForCausalLM(LlamaConfig(vocab_size=64, pad_token_id=0, eos_token_id=1, bos_token_id=1, **shape))
before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
REWARDS = [0.0, 1.0, 0.5, 0.2, None, None, None, None]
answers: list[list[int]] = []


def reward(completion_ids, **_):
    answers.extend(completion_ids)
    return REWARDS


class Gradient(TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        self.found = {name: weight.grad.clone() for name, weight in model.named_parameters()}


taken = Gradient()
args = trl.RLOOConfig(
    output_dir="out", max_steps=1, per_device_train_batch_size=8, num_generations=8, max_completion_length=8, beta=0.0, learning_rate=1e-9,
    bf16=False, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True, max_grad_norm=0.0,
)
rows = Dataset.from_list([{"prompt": "w1 w2 w3"}] * 8)
trl.RLOOTrainer(model, [reward], args=args, train_dataset=rows, processing_class=tokenizer, callbacks=[taken]).train()

with torch.no_grad():
    for name, weight in model.named_parameters():
        weight.copy_(before[name])
        weight.grad = None
prompt, scored = tokenizer("w1 w2 w3")["input_ids"], [value for value in REWARDS if value is not None]
loss = torch.zeros(())
for answer, value in zip(answers, scored):  # the formula, over the answers that have a reward
    logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    baseline = (sum(scored) - value) / (len(scored) - 1)
    loss = loss - (value - baseline) * torch.log_softmax(logits, -1)[range(len(answer)), answer].sum() / len(scored)
loss.backward()
wanted = {name: weight.grad for name, weight in model.named_parameters()}
ratio = sum((taken.found[name] * wanted[name]).sum() for name in wanted) / sum(gradient.square().sum() for gradient in wanted.values())
print(f"trl {trl.__version__}, RLOOTrainer: 8 answers to a prompt, 4 of them without a reward")
print("expected: the gradient of the mean over the 4 answers that have one")
print(f"seen:     {ratio:.3f} of that gradient (the sum is divided by all 8)")
sys.exit(0 if abs(ratio - 0.5) < 1e-3 else 1)
PY
