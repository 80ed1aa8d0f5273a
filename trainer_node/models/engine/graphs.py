"""A step of the engine as one launch: on CUDA its hundreds of small kernels are recorded once for each number of rows, and replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Tensor = torch.Tensor


class Steps:
    """Runs `step(rows, greedy)`; on CUDA as a graph. `rows` (R,) are padded to one of the sizes `SIZES` by the slot `spare`."""

    SIZES = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512)

    def __init__(self, step: Callable[[Tensor, bool], None], spare: int, device: torch.device) -> None:
        self._step, self._spare, self._device = step, spare, device
        self._graphs: dict[tuple[int, bool], tuple[torch.cuda.CUDAGraph, Tensor]] = {}
        self._pool: Any = None

    def run(self, rows: list[int], times: int, greedy: bool) -> None:
        """Take `times` steps with the slots `rows`."""
        if self._device.type != "cuda":
            index = torch.tensor(rows, device=self._device)
            for _ in range(times):
                self._step(index, greedy)
            return
        size = next(size for size in self.SIZES if size >= len(rows))
        graph, static = self._graphs.get((size, greedy)) or self._record(size, greedy)
        static.copy_(torch.tensor(rows + [self._spare] * (size - len(rows))), non_blocking=True)
        for _ in range(times):
            graph.replay()

    def _record(self, size: int, greedy: bool) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        """Record on slots that are not in use: the spare one, which no answer has."""
        static = torch.full((size,), self._spare, dtype=torch.int64, device=self._device)
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):  # kernels are compiled and workspaces made before anything is recorded
            self._step(static, greedy)
        torch.cuda.current_stream(self._device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            self._step(static, greedy)
        self._pool = self._pool or graph.pool()
        self._graphs[size, greedy] = graph, static
        return graph, static
