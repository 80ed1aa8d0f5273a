"""Owns what waits in host memory: activations until their backward pass, copied while the device computes, and a frozen embedding table."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

Tensor = torch.Tensor


@dataclass
class Stored:
    """One tensor on its way to the host, there, or on its way back."""

    buffer: Tensor | None
    """Pinned; None once the tensor was taken back."""
    shape: torch.Size
    below: Stored | None
    """The one stored before it, which the backward pass will want next."""
    fetched: Tensor | None = None
    arrived: torch.cuda.Event | None = None


@dataclass
class HostMemory:
    """Pinned buffers of one device, used again from step to step. Stored tensors are taken back in the opposite order."""

    device: torch.device
    free: list[Tensor] = field(default_factory=list)
    top: Stored | None = None

    def __post_init__(self) -> None:
        self.stream = torch.cuda.Stream(self.device)

    def begin(self) -> None:
        """A new forward pass: what came before belongs to another backward pass."""
        self.top = None

    def put(self, x: Tensor) -> Stored:
        """Start copying x to the host. Its memory is free for others once that is done."""
        buffer = self._buffer(x)
        stored = Stored(buffer, x.shape, self.top)
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):
            buffer[: x.numel()].copy_(x.flatten(), non_blocking=True)
        x.record_stream(self.stream)
        self.top = stored
        return stored

    def get(self, stored: Stored) -> Tensor:
        """The tensor, back on the device; the one below it starts to come back too."""
        if stored.fetched is None:
            self._fetch(stored)
        assert stored.fetched is not None
        assert stored.arrived is not None
        assert stored.buffer is not None
        torch.cuda.current_stream(self.device).wait_event(stored.arrived)
        x, stored.fetched = stored.fetched, None
        # The next copy into this buffer is queued on the same stream as the one out of it.
        self.free.append(stored.buffer)
        stored.buffer = None
        if stored.below is not None and stored.below.fetched is None:
            self._fetch(stored.below)
        return x

    def _fetch(self, stored: Stored) -> None:
        assert stored.buffer is not None, "an offloaded activation can be taken back once; no second backward through one forward"
        # Allocated on the computing stream, which will read it; the copy waits until that stream has freed what lay there.
        stored.fetched = torch.empty(stored.shape, dtype=stored.buffer.dtype, device=self.device)
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.stream):
            stored.fetched.copy_(stored.buffer[: stored.shape.numel()].view(stored.shape), non_blocking=True)
            stored.arrived = torch.cuda.Event()
            stored.arrived.record(self.stream)
        stored.fetched.record_stream(self.stream)

    def _buffer(self, x: Tensor) -> Tensor:
        for index, buffer in enumerate(self.free):
            if buffer.numel() >= x.numel() and buffer.dtype == x.dtype:
                return self.free.pop(index)
        if self.free:  # too small for this batch, so for many to come
            self.free.pop()
        # Pinning memory is slow: room up to the next quarter of a doubling, so that longer batches soon stop asking for more.
        step = max(1 << max(x.numel().bit_length() - 3, 0), 1)
        return torch.empty(-(-x.numel() // step) * step, dtype=x.dtype, pin_memory=True)


class HostEmbedding(torch.nn.Module):
    """A frozen embedding table in host memory: a step looks up a few thousand of its rows."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.device = weight.device
        # No parameter or buffer, so that moving the model does not move it and data parallelism does not send it around.
        self.weight = weight.detach().cpu()
        self.num_embeddings, self.embedding_dim = weight.shape
        self.staging = torch.empty(0, dtype=weight.dtype)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (...) -> (..., H) on the device the table came from."""
        count = ids.numel()
        if len(self.staging) < count:
            self.staging = torch.empty(count * 5 // 4, self.embedding_dim, dtype=self.weight.dtype, pin_memory=self.device.type == "cuda")
        # Waiting for the ids waits for the last copy out of the staging buffer too.
        torch.index_select(self.weight, 0, ids.flatten().cpu(), out=self.staging[:count])
        return self.staging[:count].to(self.device, non_blocking=True, copy=True).view(*ids.shape, self.embedding_dim)

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self.weight
