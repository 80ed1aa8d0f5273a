"""A checkpoint as a plain model folder, in the form whose answers are nearest to the run's own; read back and compared once written."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigError, UserError
from trainer_node.commit.manifest import Checkpoint
from trainer_node.models.adapters import ADAPTER
from trainer_node.models.base import find_base, recorded_base
from trainer_node.models.card import card, folder_of
from trainer_node.models.fidelity import Asked, Fidelity, ask_checkpoint, calibration_rows, compare
from trainer_node.models.llama_cpp import convert_adapter, convert_model, converter_folder
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.loader import load_model
from trainer_node.models.ollama import modelfile
from trainer_node.models.placement import choose_dtype
from trainer_node.models.portable import with_template, write_model, write_tokenizer
from trainer_node.models.precision import recorded_precision
from trainer_node.models.restore import find_checkpoint, has_adapter, load_checkpoint
from trainer_node.models.side_files import card_of, modelfile_of

EXACT = 0.002
"""Mean divergence from the checkpoint, in nats a token, up to which an export counts as the model that was trained."""
OTHER_MODEL = 0.05
"""Divergence beyond which an export is another model: the command ends non-zero."""


ADAPTER_CONFIG = "adapter_config.json"
CARD = "README.md"
GGUF_TYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
"""llama.cpp's names of what a model was trained in."""
OF_AN_ADAPTER = (ADAPTER, ADAPTER_CONFIG)


class Exported(NamedTuple):
    """What was written, and how near it is to the checkpoint."""

    folder: Path
    """Or file."""
    dtype: str
    bytes: int
    fidelity: Fidelity | None
    """None where it could not be read back here."""
    held_out: bool
    """Whether it was compared on the run's own held-out prompts."""
    not_read: str | None = None
    """Why it could not be read back."""


def whole_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at a path, or the newest one of the run there.

    Raises:
        UserError: there is none.
    """
    found = find_checkpoint(path)
    if found is None:
        raise UserError(f"{path} is neither a checkpoint nor a run's folder with one")
    return found


def refuse_before_loading(path: Path, adapter: bool, gguf: bool) -> None:
    """Refuse what cannot be written of a checkpoint, or not here, whatever else is asked for with it.

    Args:
        path: as `export_merged`.
        adapter: whether its adapter is to be written alone.
        gguf: whether the converter is needed.

    Raises:
        UserError: there is no checkpoint, or it has no adapter; or the converter is not here.
    """
    checkpoint = whole_checkpoint(path)
    if adapter:
        _refuse_without_adapter(checkpoint)
    if gguf:
        converter_folder()


def _refuse_without_adapter(checkpoint: Checkpoint) -> None:
    if not has_adapter(checkpoint.path):
        raise UserError(f"checkpoint {checkpoint.manifest.name} holds all weights and no adapter: take --merge DIR")


def export_merged(path: Path, target: Path, dtype: str | None = None, base: str | None = None) -> Exported:
    """Write a checkpoint as a plain model folder, its adapter added to its base, and read it back.

    Args:
        path: of the checkpoint, or of a run's folder.
        target: folder to write.
        dtype: of the weights; None: that of the arithmetic it was trained in. A base held in fewer bits is written out in it.
        base: where the adapter's base is now, if it has moved.

    Raises:
        UserError: there is no checkpoint, or its base is another model; or this machine cannot compute as it was trained.
    """
    checkpoint = whole_checkpoint(path)
    loaded = _as_trained(checkpoint, base)
    written = choose_dtype(dtype or loaded.precision.dtype, 4, loaded.device)
    asked = ask_checkpoint(loaded.model, loaded.tokenizer, checkpoint)
    name = str(written).removeprefix("torch.")
    write_model(_merged(loaded, written, checkpoint), loaded.tokenizer, target)
    base_found = find_base(checkpoint.manifest, base) if has_adapter(checkpoint.path) else recorded_base(checkpoint.manifest)
    (target / CARD).write_text(card(checkpoint, base_found, f"merged weights in {name}"), encoding="utf-8")
    return _read_back(target, asked, name, loaded.device)


def export_gguf(path: Path, target: Path, kind: str | None = None, base: str | None = None) -> Exported:
    """Write a checkpoint as one GGUF file by llama.cpp's own converter, a Modelfile for Ollama and a card beside it, and read it back.

    Args:
        path, base: as `export_merged`.
        target: file to write.
        kind: of the weights, as llama.cpp names it; None: that of the arithmetic it was trained in.

    Of a family that Transformers does not read from GGUF, it is not known how near the file is: then `fidelity` is None.

    Raises:
        UserError: as `export_merged`; or the converter is not here, or does not take this family.
    """
    converter_folder()
    checkpoint = whole_checkpoint(path)
    loaded = _as_trained(checkpoint, base)
    kind = kind or GGUF_TYPES[loaded.precision.dtype]
    asked = ask_checkpoint(loaded.model, loaded.tokenizer, checkpoint)
    written = choose_dtype(loaded.precision.dtype, 4, loaded.device)
    with tempfile.TemporaryDirectory(dir=_folder_for(target), prefix=".gguf-") as scratch:
        folder, whole = Path(scratch) / target.stem, Path(scratch) / target.name
        write_model(_merged(loaded, written, checkpoint), loaded.tokenizer, folder)
        convert_model(folder, whole, kind)
        whole.replace(target)
    found = find_base(checkpoint.manifest, base) if has_adapter(checkpoint.path) else recorded_base(checkpoint.manifest)
    modelfile_of(target).write_text(modelfile(loaded.tokenizer, target.name), encoding="utf-8")
    card_of(target).write_text(card(checkpoint, found, f"GGUF, {kind}"), encoding="utf-8")
    dtype = "float32" if kind == "f32" else loaded.precision.dtype
    return _gguf_read_back(target, asked, dtype, loaded.device)._replace(dtype=kind)


def export_gguf_adapter(path: Path, target: Path, kind: str = "f32", base: str | None = None) -> int:
    """Write a checkpoint's adapter as a GGUF file, for llama.cpp's `--lora` beside its base. Returns its bytes.

    Raises:
        UserError: as `export_adapter`; or the converter is not here, or does not take this family.
    """
    converter_folder()
    checkpoint = whole_checkpoint(path)
    found = find_base(checkpoint.manifest, base)
    folder = folder_of(found)
    if folder is None:
        raise UserError(f"the base {found.source} is not on this machine, and the converter needs its configuration: name it by --base")
    with tempfile.TemporaryDirectory(dir=_folder_for(target), prefix=".gguf-") as scratch:
        adapter, whole = Path(scratch) / target.stem, Path(scratch) / target.name
        export_adapter(path, adapter, base)
        convert_adapter(adapter, folder, whole, kind)
        whole.replace(target)
    card_of(target).write_text(card(checkpoint, found, f"adapter (LoRA, GGUF, {kind})"), encoding="utf-8")
    return target.stat().st_size


def _folder_for(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent


def export_adapter(path: Path, target: Path, base: str | None = None) -> int:
    """Write a checkpoint's adapter alone, as PEFT loads it, with its tokenizer; the base is named as others find it. Returns its bytes.

    Raises:
        UserError: there is no checkpoint, or it has no adapter.
    """
    checkpoint = whole_checkpoint(path)
    _refuse_without_adapter(checkpoint)
    found = find_base(checkpoint.manifest, base)
    target.mkdir(parents=True, exist_ok=True)
    for name in OF_AN_ADAPTER:
        shutil.copyfile(checkpoint.path / name, target / name)
    write_tokenizer(with_template(_tokenizer_of(checkpoint)), target)
    settings = json.loads((target / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    settings |= {"base_model_name_or_path": found.source, "revision": found.revision, "inference_mode": True}
    (target / ADAPTER_CONFIG).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (target / CARD).write_text(card(checkpoint, found, "adapter (LoRA, PEFT)"), encoding="utf-8")
    return _bytes_of(target)


def _tokenizer_of(checkpoint: Checkpoint) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint.path, trust_remote_code=False)


def _as_trained(checkpoint: Checkpoint, base: str | None) -> LoadedModel:
    loaded = load_checkpoint(checkpoint, base=base)
    recorded = recorded_precision(checkpoint.manifest)
    if recorded is not None and recorded.bits != loaded.bits and has_adapter(checkpoint.path):
        raise ConfigError(
            f"checkpoint {checkpoint.manifest.name} was trained on a base of {recorded.bits} bits, which {loaded.device} cannot hold:"
            " merge it on a CUDA device with bitsandbytes, or take the adapter as it is: pelton export --adapter DIR"
        )
    loaded.model.eval()
    return loaded


def _merged(loaded: LoadedModel, written: Any, checkpoint: Checkpoint) -> Any:
    """The plain model in the dtype `written`; where that is narrower than the sums, rounded for what texts put into each layer."""
    from trainer_node.models.merging import merged
    from trainer_node.models.rounding import Calibrated, inputs_of_layers

    inputs = {}
    if written.itemsize < 4 and has_adapter(checkpoint.path):
        inputs = inputs_of_layers(loaded, calibration_rows(loaded.model, loaded.tokenizer, checkpoint))
    return merged(loaded, written, Calibrated(inputs))


def _read_back(target: Path, asked: Asked, dtype: str, device: str) -> Exported:
    again = load_model(target, 32 if dtype == "float32" else 16, backend="hf", device=device, dtype=dtype)
    return Exported(target, dtype, _bytes_of(target), compare(asked, again.model), asked.held_out)


def _gguf_read_back(target: Path, asked: Asked, dtype: str, device: str) -> Exported:
    """As `_read_back`; where Transformers does not read such a file, it says why: llama.cpp, whose converter wrote it, may well do."""
    try:
        return _read_back(target, asked, dtype, device)
    except Exception as error:  # noqa: BLE001 - Transformers' reader raises all kinds of a family that it does not read from GGUF
        told = error.__cause__ or error  # the loader's own word names the folder, as if it were the fault
        why = " ".join(f"{told}".split())[:200].rstrip(".") or type(told).__name__
        return Exported(target, dtype, _bytes_of(target), None, asked.held_out, why)


def _bytes_of(written: Path) -> int:
    return sum(file.stat().st_size for file in (written.rglob("*") if written.is_dir() else [written]) if file.is_file())
