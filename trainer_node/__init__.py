"""The trainer: takes curriculum-ordered samples off the band topics, trains on them, and makes checkpoint and stream position one thing."""

import os

# Before torch is loaded: its threads sleep while they wait for each other. They would spin, and where the workers share the cores with the
# trainer a step then takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# As early, for training in bf16 on a CPU: oneDNN, and PyTorch beside it, keep what they compiled for each shape, of 1,024 shapes each.
# Samples of a stream come in hundreds of lengths, and each length has about twenty shapes: a gigabyte and more. These hold the last few.
for _cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_cache, "16")
