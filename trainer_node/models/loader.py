"""Owns how a model comes into memory and gets its LoRA: Unsloth on a CUDA device, Transformers and PEFT elsewhere.

What was chosen (backend, device, bits) is logged and is in the answer. What cannot be done is refused with the reason, never swapped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError

from schemas.errors import ConfigError, DownloadError, UserError
from trainer_node.models import unsloth as unsloth_models
from trainer_node.models.gguf import default_model, gguf_tokenizer, quiet_progress, with_pad_token
from trainer_node.models.placement import choose_backend, choose_bits, choose_device, choose_dtype

__all__ = ["LoadedModel", "add_lora", "default_model", "load_model"]

log = logging.getLogger(__name__)

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a Llama-like block: what `all-linear` finds there, spelled out because Unsloth wants names."""


class LoadedModel(NamedTuple):
    """A model ready to train, and how it was loaded. Unpacks as `model, tokenizer, backend, device, bits`."""

    model: Any
    tokenizer: Any
    backend: str
    """`unsloth` or `hf`."""
    device: str
    """As torch writes it: `cpu`, `cuda:0`, `mps`."""
    bits: int
    """Of a weight of the base model, as held: 4 (NF4), 8 (LLM.int8), 16 (bfloat16, or float16 on a GPU without it), 32."""


def load_model(
    model_id: str | Path,
    bits: int | None = 4,
    max_seq: int = 8192,
    backend: str = "auto",
    device: str | None = None,
    dtype: Any = None,
    gguf_file: str | None = None,
    wait_in_host: bool = False,
) -> LoadedModel:
    """Load a causal language model and its tokenizer.

    Args:
        model_id: a folder of safetensors, a GGUF file, or a hub id.
        bits: 4, 8, 16 or 32 per weight; None takes the fewest this device can do.
        max_seq: longest sample, in tokens; cut to what the model was made for.
        backend: `auto`, `unsloth` or `hf`. `auto` is Unsloth where it can run.
        device: as torch writes it; None takes CUDA, else MPS, else the CPU.
        dtype: of the arithmetic, a torch dtype or its name; None takes bfloat16 where the device has it.
        gguf_file: name of the GGUF file inside the folder or hub repository `model_id`.
        wait_in_host: the weights stay in the host's memory for now, though chosen for the device: the caller takes them there in pieces.

    Raises:
        ConfigError: what was asked for cannot be done here; the text says why and what can.
        DownloadError: no such model, or the hub cannot be reached.
    """
    source, gguf_file = locate(str(model_id), gguf_file)
    device = choose_device(device)
    bits = choose_bits(bits, device)
    compute = choose_dtype(dtype, bits, device)
    backend = choose_backend(backend, device, gguf_file)
    log.info("loading %s: backend %s, device %s, %d bits, arithmetic in %s", source, backend, device, bits, compute)
    try:
        with quiet_progress():
            if backend == "unsloth":
                # Asked for more than the model was made for, Unsloth would stretch its rotary embedding without a word.
                model, tokenizer = unsloth_models.load(source, bits, min(_made_for(source) or max_seq, max_seq), device, compute)
            else:
                model, tokenizer = _load_hf(source, bits, "cpu" if wait_in_host else device, compute, gguf_file)
    except (OSError, ValueError, SafetensorError) as error:
        raise _as_user_error(source, error) from error
    limit = _limit(source, model.config, max_seq)
    tokenizer.model_max_length = limit
    model.config.pad_token_id = tokenizer.pad_token_id
    return LoadedModel(model, tokenizer, backend, device, bits)


def add_lora(
    model: Any,
    r: int = 16,
    alpha: int = 32,
    target_modules: Sequence[str] | str | None = None,
    dropout: float = 0.0,
    seed: int = 3407,
    fast: bool | None = None,
) -> Any:
    """Freeze the base and add a LoRA to its linear layers (Hu et al. 2021: W + alpha/r * B A), B zero, A drawn from `seed`.

    Takes a LoadedModel and returns one; or a model from one, and returns the PEFT model.

    Args:
        model: what `load_model` returned, or its model.
        r, alpha, target_modules, dropout, seed: of the LoRA.
        fast: train by `trainer_node.fast`; None: on a CUDA device, where it takes the model.

    Raises:
        ConfigError: a rank or dropout out of range, a target module the model does not have, or `fast` where it cannot be.
    """
    if isinstance(model, LoadedModel):
        return model._replace(model=add_lora(model.model, r, alpha, target_modules, dropout, seed, fast))
    if r < 1:
        raise ConfigError(f"LoRA rank r must be 1 or more, not {r}")
    if not 0.0 <= dropout < 1.0:
        raise ConfigError(f"LoRA dropout must be in [0, 1), not {dropout}")
    targets = _targets(model, target_modules)
    model.requires_grad_(False)
    fast = _choose_path(model, fast, dropout)
    if getattr(model, "pelton_backend", "hf") == "unsloth":
        model = unsloth_models.add_lora(model, r, alpha, targets, dropout, seed, checkpointing=not fast)
    else:
        model = _lora_hf(model, r, alpha, targets, dropout, seed, fast)
    if fast:
        _install_fast(model)
    return model


def _choose_path(model: Any, wanted: bool | None, dropout: float) -> bool:
    """Whether the fast path is taken; refuses to take it where it cannot run."""
    from trainer_node.fast import obstacle

    if wanted is False or (wanted is None and model.device.type != "cuda"):
        return False
    reason = "its adapter has dropout" if dropout else obstacle(model)
    if reason and wanted:
        raise ConfigError(f"the fast path does not take this model: {reason}; leave it out")
    if reason:
        log.info("the ordinary path, not the fast one: %s", reason)
    return not reason


def _install_fast(model: Any) -> None:
    from trainer_node.fast import install

    try:
        install(model)
    except ValueError as error:
        raise ConfigError(str(error)) from None


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
    """The GGUF file of a folder that holds only that; refuses a folder without safetensors."""
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


def _load_hf(source: str, bits: int, device: str, dtype: Any, gguf_file: str | None) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    options: dict[str, Any] = {"gguf_file": gguf_file} if gguf_file else {"use_safetensors": True}
    if bits == 4:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    elif bits == 8:
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if gguf_file and Path(source).is_dir():
        tokenizer = gguf_tokenizer(Path(source) / gguf_file)
    else:
        tokenizer = with_pad_token(AutoTokenizer.from_pretrained(source, **({"gguf_file": gguf_file} if gguf_file else {})))
    model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, device_map={"": device}, **options)
    return model, tokenizer


def _limit(source: str, config: Any, max_seq: int) -> int:
    """The longest sample, in tokens: what was asked for, or what the model was made for if that is less."""
    made_for = getattr(config, "max_position_embeddings", None) or max_seq
    if made_for < max_seq:
        log.warning("%s takes %d tokens, not the %d asked for; longer samples will be cut", source, made_for, max_seq)
    return min(made_for, max_seq)


def _made_for(source: str) -> int | None:
    from transformers import AutoConfig

    return getattr(AutoConfig.from_pretrained(source), "max_position_embeddings", None)


def _targets(model: Any, wanted: Sequence[str] | str | None) -> list[str]:
    """Names of the modules to adapt; by default every linear layer of the blocks that a Llama-like model has."""
    import torch

    linear = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    if wanted is None:
        known = [name for name in LORA_TARGETS if name in linear]
        # Another family of models: all linear layers except the output's, which LoRA leaves alone.
        return known or sorted(linear - {"lm_head"})
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    if unknown := [name for name in names if not any(name == n or n.endswith(f".{name}") for n, _ in model.named_modules())]:
        raise ConfigError(f"the model has no module {', '.join(unknown)}; its linear layers are {', '.join(sorted(linear))}")
    return names


def _lora_hf(model: Any, r: int, alpha: int, targets: list[str], dropout: float, seed: int, fast: bool) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    # Preparing means norms, embeddings and the output layer in float32 and checkpointing: the fast path has its own way with all four.
    if not fast and (getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False)):
        model = prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs={"use_reentrant": False})
    config = LoraConfig(r=r, lora_alpha=alpha, target_modules=targets, lora_dropout=dropout, task_type="CAUSAL_LM")
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def _as_user_error(source: str, error: Exception) -> UserError:
    """One line that names the model and what to do."""
    text = " ".join(str(error).split())
    if "safetensors" in text and "does not appear to have" in text:
        return ConfigError(f"{source} has no safetensors, and pickled weights are not read: choose another revision or convert it")
    if isinstance(error, OSError):
        return DownloadError(f"model {source} cannot be had: {text[:200]}")
    return ConfigError(f"model {source} cannot be loaded: {text[:200]}")
