"""How a model comes into memory: by Unsloth on a CUDA device that has it, by Transformers elsewhere.

What was chosen (backend, device, bits) is logged and is in the answer. What cannot be done is refused with the reason, never swapped.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from schemas.errors import ConfigError, DownloadError, UserError
from trainer_node.models import unsloth as unsloth_models
from trainer_node.models.causal import refuse_other_kinds
from trainer_node.models.gguf import gguf_tokenizer, quiet_progress, with_pad_token
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.own_tokenizer import has_tokenizer, tell_difference
from trainer_node.models.placement import choose_backend, choose_bits, choose_device, choose_dtype
from trainer_node.models.stopping import with_end_token
from trainer_node.models.vocabulary import object_of, refuse_folder_without_rows, refuse_tokens_without_rows
from trainer_node.models.whole import load_whole, skeleton

logger = logging.getLogger(__name__)

UNLOADABLE = (OSError, ValueError, ImportError, SafetensorError)
"""What Transformers raises of a model that is not there, or that it, or a library that is not installed, cannot read."""


def load_model(
    model_id: str | Path,
    bits: int | None = 4,
    max_seq: int = 8192,
    backend: str = "auto",
    device: str | None = None,
    dtype: Any = None,
    gguf_file: str | None = None,
    wait_in_host: bool = False,
    revision: str | None = None,
    checkpoint: Path | None = None,
) -> LoadedModel:
    """Load a causal language model and its tokenizer.

    Args:
        model_id: a folder of safetensors, a GGUF file, or a hub id.
        bits: 4, 8, 16 or 32 per weight; None takes what suits the device (`choose_bits`).
        max_seq: longest sample, in tokens; cut to what the model was made for.
        backend: `auto`, `unsloth` or `hf`. `auto` is Unsloth where it can run.
        device: as torch writes it; None takes CUDA, else MPS, else the CPU.
        dtype: of the arithmetic, a torch dtype or its name; None takes bfloat16 where the device has it.
        gguf_file: name of the GGUF file inside the folder or hub repository `model_id`.
        wait_in_host: the weights stay in the host's memory for now, though chosen for the device: the caller shards them there.
        revision: the hub's commit; None takes the newest.
        checkpoint: a folder whose tokenizer is taken in the model's place, if it has one.

    Raises:
        ConfigError: what was asked for cannot be done here, or the tokenizer is not the model's; the text says why and what can.
        DownloadError: no such model, or the hub cannot be reached.
    """
    source, gguf_file = locate(str(model_id), gguf_file)
    device = choose_device(device)
    bits = choose_bits(bits, device)
    compute = choose_dtype(dtype, bits, device)
    backend = choose_backend(backend, device, gguf_file)
    logger.info("loading %s: backend %s, device %s, %d bits, arithmetic in %s", source, backend, device, bits, compute)
    try:
        with quiet_progress():
            if not gguf_file:
                refuse_other_kinds(source, revision)
            if backend == "unsloth":
                model, tokenizer = _load_unsloth(source, bits, max_seq, device, compute, revision)
            else:
                model, tokenizer = _load_hf(source, bits, "cpu" if wait_in_host else device, compute, gguf_file, revision), None
            tokenizer = _tokenizer_of(checkpoint, tokenizer, source, gguf_file, revision)
    except UNLOADABLE as error:
        raise _as_user_error(source, error) from error
    refuse_tokens_without_rows(source, tokenizer.get_vocab(), model.get_input_embeddings().weight.shape[0])
    _fit_together(model, tokenizer, _limit(source, model.config, max_seq), compute)
    return LoadedModel(model, tokenizer, backend, device, bits)


def _load_unsloth(source: str, bits: int, max_seq: int, device: str, compute: Any, revision: str | None) -> tuple[Any, Any]:
    skeleton(source, revision)
    # Asked for more than the model was made for, Unsloth would stretch its rotary embedding without a word.
    length = min(_made_for(source, revision) or max_seq, max_seq)
    return unsloth_models.load(source, bits, length, device, compute, revision)


def _tokenizer_of(checkpoint: Path | None, loaded: Any, source: str, gguf_file: str | None, revision: str | None) -> Any:
    """A checkpoint's own tokenizer; where it has none, what came with the weights, or stands beside them."""
    if checkpoint is not None and has_tokenizer(checkpoint):
        return _own_tokenizer(checkpoint, source, gguf_file, revision)
    return loaded if loaded is not None else _tokenizer(source, gguf_file, revision)


def try_out(source: str) -> Any:
    """What loading a folder of safetensors would fail of, found out without reading its weights.

    Returns:
        The model without its weights; None where they are quantised.

    Raises:
        UserError: as `load_model`.
    """
    try:
        with quiet_progress():
            refuse_other_kinds(source)
            return skeleton(source)
    except UNLOADABLE as error:
        raise _as_user_error(source, error) from error


def _fit_together(model: Any, tokenizer: Any, limit: int, compute: Any) -> None:
    """What model and tokenizer say of each other, and of how they were loaded."""
    tokenizer.pelton_made_for = tokenizer.model_max_length
    tokenizer.model_max_length = limit
    model.config.pad_token_id = tokenizer.pad_token_id
    model.pelton_dtype = str(compute).removeprefix("torch.")


def load_tokenizer(model_id: str | Path, max_seq: int, gguf_file: str | None = None) -> Any:
    """The tokenizer of a model, as `load_model` gives it, without the weights.

    Raises:
        UserError: as `load_model`.
    """
    source, gguf_file = locate(str(model_id), gguf_file)
    refuse_folder_without_rows(source)
    try:
        with quiet_progress():
            tokenizer = _tokenizer(source, gguf_file)
            made_for = None if gguf_file else _made_for(source)
    except UNLOADABLE as error:
        raise _as_user_error(source, error) from error
    tokenizer.model_max_length = min(made_for or max_seq, max_seq)
    return tokenizer


def locate(model_id: str, gguf_file: str | None) -> tuple[str, str | None]:
    """What to load and which GGUF file in it, if any; refuses what is not there or is not safetensors before anything heavy runs."""
    path = Path(model_id).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise ConfigError(f"{model_id} is a file: give a folder of safetensors, a .gguf file or a hub id")
        return str(path.parent), path.name
    if path.is_dir():
        return str(path), gguf_file or _check_folder(path)
    if model_id.startswith(("/", ".", "~")) or model_id.endswith(".gguf") or model_id.count("/") > 1:
        raise DownloadError(f"no model at {model_id}: give a folder of safetensors, a .gguf file or a hub id")
    return model_id, gguf_file


def _check_folder(path: Path) -> str | None:
    """The GGUF file of a folder that holds only that; refuses a folder without safetensors, or with an adapter's alone."""
    if (path / "adapter_config.json").is_file():
        raise ConfigError(f"{path} holds an adapter and no whole model: {_instead(path)}")
    if any(path.glob("*.safetensors")):
        return None
    ggufs = sorted(path.glob("*.gguf"))
    if len(ggufs) == 1:
        return ggufs[0].name
    if ggufs:
        raise ConfigError(f"{path} holds {len(ggufs)} GGUF files: name one of them")
    if any(path.glob("*.bin")) or any(path.glob("*.pt")) or any(path.glob("*.pth")):
        raise ConfigError(f"{path} holds pickled weights only, which can run code when read: convert them to safetensors")
    raise ConfigError(f"{path} holds no safetensors: it is not a model folder")


def _instead(adapter: Path) -> str:
    """What to name in the place of an adapter."""
    base = object_of(adapter / "adapter_config.json").get("base_model_name_or_path")
    return f"give its base ({base}), the checkpoint that it was exported from, or that checkpoint's export by --merge"


def _load_hf(source: str, bits: int, device: str, dtype: Any, gguf_file: str | None, revision: str | None) -> Any:
    from transformers import BitsAndBytesConfig

    options: dict[str, Any] = {"gguf_file": gguf_file} if gguf_file else {"use_safetensors": True}
    options["trust_remote_code"] = False  # unsaid, Transformers asks at the terminal; code of a model's own is never run
    if bits == 4:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    elif bits == 8:
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    return load_whole(source, dtype=dtype, device_map={"": device}, revision=revision or "main", **options)


def _own_tokenizer(checkpoint: Path, source: str, gguf_file: str | None, revision: str | None) -> Any:
    """A checkpoint's, with the limit of its base's."""
    own = _tokenizer(str(checkpoint), None)
    try:
        base = _tokenizer(source, gguf_file, revision)
        own.model_max_length = base.model_max_length
    except (*UNLOADABLE, ConfigError):
        base = None
    tell_difference(own, checkpoint.name, base, source)
    return own


def _tokenizer(source: str, gguf_file: str | None, revision: str | None = None) -> Any:
    from transformers import AutoTokenizer

    if gguf_file and Path(source).is_dir():
        return gguf_tokenizer(Path(source) / gguf_file)
    tokenizer = AutoTokenizer.from_pretrained(
        source, revision=revision or "main", trust_remote_code=False, **({"gguf_file": gguf_file} if gguf_file else {})
    )
    return with_pad_token(with_end_token(tokenizer, source))


def _limit(source: str, config: Any, max_seq: int) -> int:
    """The longest sample, in tokens: what was asked for, or what the model was made for if that is less."""
    made_for = getattr(config, "max_position_embeddings", None) or max_seq
    if made_for < max_seq:
        logger.warning("%s takes %d tokens, not the %d asked for; longer samples will be cut", source, made_for, max_seq)
    return min(made_for, max_seq)


def _made_for(source: str, revision: str | None = None) -> int | None:
    from transformers import AutoConfig

    return getattr(
        AutoConfig.from_pretrained(source, revision=revision or "main", trust_remote_code=False), "max_position_embeddings", None
    )


def _as_user_error(source: str, error: Exception) -> UserError:
    """One line that names the model and what to do."""
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return ConfigError(f"{source} brings code of its own, which is not run: choose a model of a family that Transformers knows")
    if "safetensors" in text and "does not appear to have" in text:
        return ConfigError(f"{source} has no safetensors, and pickled weights are not read: choose another revision or convert it")
    if isinstance(error, ImportError):
        return ConfigError(f"model {source} needs a library that is not installed: {text[:200]}")
    if isinstance(error, OSError):
        return DownloadError(f"model {source} cannot be had: {text[:200]}")
    return ConfigError(f"model {source} cannot be loaded: {text[:200]}")
