"""Models by Unsloth: loading, LoRA, and what importing it does to the rest of the process.

Imported, Unsloth puts classes that it generates in the places of TRL's trainers and their settings. They are other algorithms: its GRPO,
asked for DAPO's loss, also clips otherwise and masks answers that were cut. Here a trainer is the same on both backends, so TRL's own
classes are put back (`trl_classes`; docs/adr/0010-trl-s-own-trainers.md).
"""

from __future__ import annotations

import os
import warnings
from importlib.metadata import version
from typing import Any

from trainer_node.models.gguf import cache_dir, with_pad_token
from trainer_node.models.stopping import with_end_token
from trainer_node.models.trl_classes import own_classes_kept


def load(source: str, bits: int, max_seq: int, device: str, dtype: Any, revision: str | None = None) -> tuple[Any, Any]:
    """The model and its tokenizer, as `trainer_node.models.loader.load_model` gives them."""
    model, tokenizer = _fast_language_model().from_pretrained(
        model_name=source,
        max_seq_length=max_seq,
        dtype=dtype,
        load_in_4bit=bits == 4,
        load_in_8bit=bits == 8,
        device_map={"": device},
        use_gradient_checkpointing=False,  # chosen when the LoRA is added
        revision=revision,
        trust_remote_code=False,
        use_exact_model_name=True,  # never the hub's pre-quantised twin of a name
    )
    model.pelton_backend = "unsloth"
    return model, with_pad_token(with_end_token(tokenizer, source))


def add_lora(model: Any, r: int, alpha: int, targets: list[str], dropout: float, seed: int, checkpointing: bool) -> Any:
    """The PEFT model, with a LoRA on the modules named; `checkpointing` by Unsloth's own way of it."""
    return _fast_language_model().get_peft_model(
        model,
        r=r,
        lora_alpha=alpha,
        target_modules=targets,
        lora_dropout=dropout,
        bias="none",
        use_gradient_checkpointing="unsloth" if checkpointing else False,
        random_state=seed,
    )


def _fast_language_model() -> Any:
    """Unsloth, imported with TRL's classes left in their places."""
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(cache_dir() / f"unsloth-{version('unsloth')}"))  # else in the working folder
    with own_classes_kept(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="WARNING: Unsloth should be imported before")
        from unsloth import FastLanguageModel

    return FastLanguageModel
