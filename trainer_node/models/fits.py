"""Whether this machine can load a model, from its files alone: found out before a run is claimed, and another trainer ended for it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import orjson
import psutil

from schemas.errors import ConfigError
from trainer_node.models.loader import locate, try_out
from trainer_node.models.placement import choose_backend, choose_bits, choose_device

FLOATS = ("F64", "F32", "F16", "BF16")
"""Of a safetensors header: what is held in the bits that the run chooses. Other weights were made small by their model's maker."""
CGROUP = Path("/sys/fs/cgroup")


def refuse_what_cannot_be_loaded(model: str, source: str, bits: int | None, backend: str, counts_memory: bool = True) -> Any:
    """See that it is a whole language model, that device, bits and backend go together here, and that the weights fit into what is free.

    Args:
        model: as the user named it.
        source: its folder; of a hub's id nothing is known yet.
        bits: as `load_model` takes them.
        backend: likewise.
        counts_memory: False where what is in use now is about to be given back, or several processes share the weights.

    Returns:
        The model without its weights, as far as it is known.

    Raises:
        ConfigError: it is none, or they do not; says what would.
        DownloadError: its files cannot be read.
    """
    skeleton = try_out(source) if Path(source).exists() and locate(source, None)[1] is None else None
    device = choose_device(None)
    held = choose_bits(bits, device)
    choose_backend(backend, device)
    if not counts_memory:
        return skeleton
    needed, free = least_bytes(Path(source), held), free_bytes(device)
    if needed > free:
        fewer = "; --bits 4 takes a quarter of 16" if device.startswith("cuda") and held > 4 else ""
        raise ConfigError(
            f"--model {model} takes at least {needed / 1e9:.1f} GB at {held} bits, and {free / 1e9:.1f} GB are free on {device}: end what"
            f" else uses them, or take a smaller model{fewer}"
        )
    return skeleton


def least_bytes(folder: Path, bits: int) -> int:
    """What the weights of a folder of safetensors take at least, in bytes; 0 where there are none."""
    return sum(
        math.prod(tensor["shape"]) * bits // 8 if tensor["dtype"] in FLOATS else tensor["data_offsets"][1] - tensor["data_offsets"][0]
        for path in folder.glob("*.safetensors")
        for name, tensor in _header(path).items()
        if name != "__metadata__"
    )


def _header(path: Path) -> dict[str, Any]:
    """Of a safetensors file: eight bytes say how long it is, then it stands there as JSON. A torn file says nothing; loading names it."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = orjson.loads(file.read(length)) if length < path.stat().st_size else {}
        except orjson.JSONDecodeError:
            header = {}
    return header if isinstance(header, dict) else {}


def free_bytes(device: str) -> int:
    """Memory that could be had on a device, in bytes; on a CPU with what can be swapped, within the limit of the container."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    limit, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    return free if limit is None or used is None else min(free, limit - used + _page_cache())


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _page_cache() -> int:
    """What counts as used and is given back when it is wanted."""
    try:
        lines = (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
