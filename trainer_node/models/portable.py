"""Models, adapters and tokenizers written so that readers of other versions take them for what they are.

What Transformers 5 writes, Transformers 4 and all that stands on it (converters to GGUF, to ONNX, to CTranslate2) misreads without a word:
the rotary embedding's theta under a name that they do not know becomes 10,000, and the tokenizer's class is one they do not have. So both
spellings are written.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer_node.data.rendering import PLAIN_LAYOUT
from trainer_node.models.older_rope import parts_of_config, with_older_rope
from trainer_node.models.stopping import say_where_to_stop

logger = logging.getLogger(__name__)

LOADING_FLAGS = ("is_local", "local_files_only", "device_map", "gguf_file", "name_or_path", "_from_pipeline")
"""What a tokenizer's settings hold of how it was loaded here."""

NAMED_FAULT = re.compile(r"^- `(\w+)`", re.MULTILINE)
"""A setting that Transformers' validator names as one without effect."""
NAMED = re.compile(r"`(\w+)`")
OF_TOKENS_AND_LIMITS = ("eos_token_id", "bos_token_id", "pad_token_id", "max_new_tokens", "max_length", "transformers_version")


def write_model(model: Any, tokenizer: Any, target: Path) -> None:
    """Write a model folder: safetensors, configuration, generation settings and tokenizer, with a template."""
    say_where_to_stop(model, tokenizer)
    save_with_any_generation_settings(model, target)
    write_tokenizer(with_template(tokenizer), target)
    both_spellings(target)


def with_template(tokenizer: Any) -> Any:
    """The tokenizer; where it has no template, a copy with the layout that was trained, so that others ask the model as it was taught."""
    if tokenizer.chat_template:
        return tokenizer
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = PLAIN_LAYOUT
    return tokenizer


def save_with_any_generation_settings(model: Any, target: Path, **options: Any) -> None:
    """Save a model or its adapter, whatever the base's generation settings are.

    Transformers loads settings that contradict each other (a temperature without sampling) with a warning, and refuses to save them.
    """
    plain = model.get_base_model() if hasattr(model, "peft_config") else model
    if getattr(plain, "generation_config", None) is not None:
        _make_sound(plain.generation_config)
    model.save_pretrained(target, **options)


def _make_sound(settings: Any) -> None:
    """Leave out what the settings themselves say has no effect (a temperature without sampling), so that they mean what they meant.

    Whether the base samples is left as it is: who exports a greedy model gets a greedy one.
    """
    left_out: list[str] = []
    while (why := _fault(settings)) is not None:
        named = [name for name in NAMED_FAULT.findall(why) or NAMED.findall(why)[:1] if hasattr(settings, name) and name not in left_out]
        if not named:  # nothing that can be left out: all but tokens and limits
            named = [name for name in settings.to_diff_dict() if name not in (*OF_TOKENS_AND_LIMITS, *left_out)]
        if not named:
            raise ValueError(why)
        defaults = type(settings)()
        for name in named:
            setattr(settings, name, getattr(defaults, name, None))
        left_out += named
    if left_out:
        logger.warning("of the base's generation settings, %s would have no effect: left out of what is saved", ", ".join(left_out))


def _fault(settings: Any) -> str | None:
    """Why Transformers refuses to save generation settings; None where it does not."""
    try:
        settings.validate(strict=True)
    except ValueError as error:
        return str(error)
    return None


def write_tokenizer(tokenizer: Any, target: Path) -> None:
    """Save a tokenizer with the length its model was made for, not the run's, and under names that older readers know."""
    limit = tokenizer.model_max_length
    tokenizer.model_max_length = getattr(tokenizer, "pelton_made_for", limit)
    try:
        tokenizer.save_pretrained(target)
    finally:
        tokenizer.model_max_length = limit
    _rewrite(target / "tokenizer_config.json", _tokenizer_of_older_readers)


def both_spellings(folder: Path) -> None:
    """Write the names that Transformers 4 reads into a folder's configurations, beside those of Transformers 5."""
    _rewrite(folder / "config.json", _config_of_older_readers)
    _rewrite(folder / "tokenizer_config.json", _tokenizer_of_older_readers)


def _rewrite(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    if not file.is_file():
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    document = copy.deepcopy(before)
    change(document)
    if document != before:
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        beside.replace(file)  # whoever reads it meanwhile reads the one or the other


def _config_of_older_readers(config: dict[str, Any]) -> None:
    for part in parts_of_config(config):
        if "dtype" in part:
            part["torch_dtype"] = part["dtype"]
    config.update(with_older_rope(config))


def _tokenizer_of_older_readers(settings: dict[str, Any]) -> None:
    for flag in LOADING_FLAGS:
        settings.pop(flag, None)
    if settings.get("tokenizer_class") in ("TokenizersBackend", None):
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        settings.setdefault("model_input_names", ["input_ids", "attention_mask"])
    extra = settings.get("extra_special_tokens")
    if isinstance(extra, list):  # a mapping of names in Transformers 4
        del settings["extra_special_tokens"]
        settings["additional_special_tokens"] = extra
    settings.pop("backend", None)
