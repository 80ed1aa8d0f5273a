"""Owns whole training passes recorded as CUDA graphs: small models spend their time launching kernels, and a graph launches all at once.

A recorded pass has fixed sizes, so a batch is filled up to the next size of a short ladder: tokens that carry no loss, in a sequence of
their own. A size is recorded when it is first met. The pass computes loss and gradients together; autograd gets the gradients from a
buffer, scaled by whatever stands behind the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from trainer_node.fast.loss import losses_and_gradient
from trainer_node.fast.packing import Sequences

Tensor = torch.Tensor


def ladder(count: int) -> int:
    """The smallest rung not below `count`: eight steps to a doubling, multiples of 64."""
    step = max(1 << max(count.bit_length() - 4, 0), 64)
    return -(-count // step) * step


@dataclass(frozen=True)
class Size:
    """What a recorded pass is fixed to."""

    tokens: int
    targets: int
    sequences: int
    longest: int

    @classmethod
    def of(cls, packed: Sequences, targets: int) -> Size:
        """The size a batch fits into, with room for the sequence of fillers."""
        tokens = ladder(len(packed.tokens) + 1)
        wanted = tokens
        while wanted // 2 >= targets:
            wanted //= 2
        # Attention's blocks beyond a sequence's end leave at once, so its limit can be generous: fewer sizes are met.
        longest = max(packed.longest, tokens - len(packed.tokens), 1024)
        return cls(tokens, wanted, 1 << len(packed.bounds).bit_length(), 1 << (longest - 1).bit_length())


class RecordedPass:
    """Forward and backward at one size. Inputs are copied into its buffers, results read from them."""

    def __init__(self, decoder: Any, size: Size, gradients: Tensor, pool: Any, stream: Any) -> None:
        self.decoder, self.size, self.gradients = decoder, size, gradients
        device = decoder.device
        self.ids, self.inverse = (torch.zeros(size.tokens, dtype=torch.int64, device=device) for _ in range(2))
        self.chosen, self.labels = (torch.zeros(size.targets, dtype=torch.int64, device=device) for _ in range(2))
        self.weights = torch.zeros(size.targets, dtype=torch.float32, device=device)
        self.counting = torch.arange(size.tokens, dtype=torch.int32, device=device)
        # Until a batch is copied in: one sequence of all tokens, without loss.
        longest = [min(start * size.longest, size.tokens) for start in range(size.sequences)]
        bounds = torch.tensor(longest, dtype=torch.int32, device=device)
        self.sequences = Sequences(self.ids, self.counting.clone() % size.longest, bounds, size.longest, *decoder.tables(size.longest))
        self.results: Tensor = torch.empty(0)
        self.graph = self._record(pool, stream) if device.type == "cuda" else None

    def _record(self, pool: Any, stream: Any) -> Any:
        stream.wait_stream(torch.cuda.current_stream(self.decoder.device))
        with torch.cuda.stream(stream):  # once unrecorded: kernels are compiled and libraries set up
            self.compute()
        torch.cuda.current_stream(self.decoder.device).wait_stream(stream)
        torch.cuda.empty_cache()  # a graph's memory is its own: what the passes before have left would be held twice
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            self.compute()
        return graph

    def compute(self) -> None:
        """The pass itself: `results` (3, targets) gets nll, entropy and correct; `gradients` those of the sum of weighted nll."""
        decoder = self.decoder
        decoder.refresh()
        x = decoder.embed(self.ids).float()
        stack = []
        for layer in decoder.layers:
            y, kept = layer.forward(x, self.sequences)
            stack.append((x.to(decoder.dtype), kept))
            x = y
        hidden, rstd = decoder.ops.rms_norm(x, decoder.norm, decoder.eps, decoder.dtype)
        self.results, slope = losses_and_gradient(hidden[self.chosen], decoder.head, self.labels, True)
        slope = torch.cat([slope * self.weights[:, None].to(slope.dtype), slope.new_zeros(1, slope.shape[1])])
        dx: Tensor | None = decoder.ops.rms_norm_backward(slope[self.inverse], x, decoder.norm, rstd, None)
        del x, y, hidden, slope, kept
        place = self.gradients.numel()
        for index in reversed(range(len(stack))):
            (x, kept), stack[index] = stack[index], (None, ())
            dx, found = decoder.layers[index].backward(dx, x, kept, self.sequences, index > 0)
            place -= sum(gradient.numel() for gradient in found)
            views = self.gradients[place : place + sum(g.numel() for g in found)].split([g.numel() for g in found])
            torch._foreach_copy_(list(views), [gradient.flatten() for gradient in found])

    def __call__(self, ids: Tensor, packed: Sequences, chosen: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        """Run on a batch's packed ids (T,), target tokens and labels (N,) and the weight of each token's loss; returns (3, N) results."""
        count, targets, parts = len(ids), len(chosen), len(packed.bounds)
        self.ids[:count] = ids
        self.ids[count:] = 0
        self.sequences.positions[:count] = packed.positions
        self.sequences.positions[count:] = self.counting[: self.size.tokens - count]
        self.sequences.bounds[:parts] = packed.bounds
        self.sequences.bounds[parts:] = self.size.tokens
        self.chosen[:targets] = chosen
        self.chosen[targets:] = 0
        self.labels[:targets] = labels
        self.weights[:targets] = weight
        self.weights[targets:] = 0.0
        self.inverse.fill_(self.size.targets)
        self.inverse[chosen] = self.counting[:targets].long()
        if self.graph is None:
            self.compute()
        else:
            self.graph.replay()
        return self.results[:, :targets].clone()


class Recorder:
    """The recorded passes of one model, and their common gradient buffer and memory."""

    def __init__(self, decoder: Any) -> None:
        self.decoder = decoder
        self.masters = [weight for masters in decoder.masters for weight in masters]
        self.gradients = torch.zeros(sum(w.numel() for w in self.masters), dtype=torch.float32, device=decoder.device)
        self.passes: dict[Size, RecordedPass] = {}
        on_cuda = decoder.device.type == "cuda"
        self.pool = torch.cuda.graph_pool_handle() if on_cuda else None
        # One for all: the libraries hold a workspace for each stream they have seen.
        self.stream = torch.cuda.Stream(decoder.device) if on_cuda else None
        self.serial = 0

    def find(self, size: Size) -> RecordedPass:
        """The pass of a size, recorded now if it is new."""
        if size not in self.passes:
            with torch.no_grad(), torch.autocast(self.decoder.device.type, enabled=False):
                self.passes[size] = RecordedPass(self.decoder, size, self.gradients, self.pool, self.stream)
        return self.passes[size]


class GraphLoss(torch.autograd.Function):
    """(recorder, pass, inputs, *masters) -> the weighted sum of nll, and (3, N) nll, entropy, correct."""

    @staticmethod
    def forward(ctx: Any, recorder: Recorder, recorded: RecordedPass, inputs: tuple[Any, ...], *_masters: Tensor) -> tuple[Tensor, Tensor]:
        """Run the recorded pass, gradients included."""
        results = recorded(*inputs)
        recorder.serial += 1
        ctx.recorder, ctx.serial = recorder, recorder.serial
        ctx.mark_non_differentiable(results)
        return (results[0] * inputs[-1]).sum(), results

    @staticmethod
    def backward(ctx: Any, dloss: Tensor, _: Any) -> tuple[Tensor | None, ...]:
        """The gradients that the pass left behind, scaled."""
        recorder = ctx.recorder
        if ctx.serial != recorder.serial:
            raise RuntimeError("a recorded pass leaves its gradients until the next one runs: call backward between two forward passes")
        flat = recorder.gradients * dloss
        parts = flat.split([weight.numel() for weight in recorder.masters])
        return None, None, None, *(part.view(weight.shape) for part, weight in zip(parts, recorder.masters, strict=True))
