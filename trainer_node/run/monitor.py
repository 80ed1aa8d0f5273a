"""What a training run tells about itself: metrics for Prometheus, and W&B."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.training_sample import Objective
from streams import metrics


class Monitor:
    """Gauges for Prometheus, and the same values to W&B when asked to."""

    def __init__(self, run_id: str, run_dir: Path, wandb_project: str | None, settings: dict[str, Any]) -> None:
        self.run_id = run_id
        self.values: dict[str, float] = {}
        self._wandb = _start_wandb(run_id, run_dir, wandb_project, settings) if wandb_project else None

    def step(self, step: int, loss: float, lr: float, objective: Objective) -> None:
        """After an optimizer step: what it has minimised (of samples, the mean loss in nats per token), and learning rate."""
        metrics.TRAINING_STEP.labels(self.run_id).set(step)
        self._set_of(metrics.TRAINING_LOSS, "training_loss", loss, objective)
        vram = gpu_vram_bytes()
        if vram is not None:
            self._set(metrics.GPU_VRAM_BYTES, "gpu_vram_bytes", vram)
        told = {"training_loss": loss, "learning_rate": lr} | named({"training_loss": loss, "learning_rate": lr}, objective)
        self._log(told | ({"gpu_vram_bytes": vram} if vram is not None else {}), step)

    def evaluated(self, step: int, val_metric: float, scores: dict[str, float], objective: Objective) -> None:
        """After an evaluation of an objective: the metric, and all that was measured with it."""
        self._set_of(metrics.VAL_METRIC, "val_metric", val_metric, objective)
        self.values |= scores | named(scores, objective)
        for name, value in scores.items():
            metrics.VAL_SCORE.labels(self.run_id, objective.value, name).set(value)
        told = {"val_metric": val_metric, **scores}
        self._log(told | named(told, objective), step)

    def rewarded(self, step: int, rewards: Sequence[float | None]) -> None:
        """After rewards came in: their mean, 0 to 1; one that is late or failed is None and counts nowhere."""
        given = [reward for reward in rewards if reward is not None]
        if given:
            mean = sum(given) / len(given)
            self._set(metrics.REWARD_AVG, "reward_avg", mean)
            self._log({"reward_avg": mean}, step)

    def close(self) -> None:
        """Finish the W&B run, if any."""
        if self._wandb is not None:
            self._wandb.finish()

    def _set_of(self, gauge: Any, name: str, value: float, objective: Objective) -> None:
        self.values[name] = value
        self.values |= named({name: value}, objective)
        gauge.labels(self.run_id, objective.value).set(value)

    def _set(self, gauge: Any, name: str, value: float) -> None:
        self.values[name] = value
        gauge.labels(self.run_id).set(value)

    def _log(self, values: dict[str, float], step: int) -> None:
        if self._wandb is not None:
            self._wandb.log(values, step=step)


def named(values: dict[str, float], objective: Objective) -> dict[str, float]:
    """The same values under names that say whose they are: `val_metric_preference`. The plain names have the newest, whosever it is."""
    return {f"{name}_{objective.value}": value for name, value in values.items()}


def gpu_vram_bytes() -> float | None:
    """Accelerator memory reserved by this process, in bytes; None where there is no CUDA device."""
    import torch

    return float(torch.cuda.memory_reserved()) if torch.cuda.is_available() else None


def _start_wandb(run_id: str, run_dir: Path, project: str, settings: dict[str, Any]) -> Any:
    """A W&B run; offline, in the run's folder, unless an account is set up."""
    import os

    import wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
    return wandb.init(project=project, id=run_id, name=run_id, dir=str(run_dir), config=settings, resume="allow", mode=mode)  # type: ignore[arg-type]
