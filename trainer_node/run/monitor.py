"""What a training run tells about itself: metrics for Prometheus, and W&B."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.training_sample import Objective
from streams import metrics
from trainer_node.commit.manifest import Checkpoint, Manifest
from trainer_node.run.wandb_log import WandbLog

if TYPE_CHECKING:
    from trainer_node.training.sampling_gap import SamplingGap

VRAM_SHARE = 0.95
"""Of the device's memory, what the trainer should stay below unless it is told."""


class Monitor:
    """Gauges for Prometheus, and the same values to W&B when asked to."""

    def __init__(
        self, run_id: str, run_dir: Path, wandb_project: str | None, settings: dict[str, Any], vram_cap_gib: float | None = None
    ) -> None:
        self.run_id = run_id
        self.values: dict[str, float] = {}
        self._steps = 0
        self._warned = False
        self._vram_cap_gib = vram_cap_gib
        self._wandb = WandbLog(run_id, run_dir, wandb_project, settings) if wandb_project else None

    def step(self, step: int, loss: float, lr: float, objective: Objective) -> None:
        """After an optimizer step: what it has minimised (of samples, the mean loss in nats per token), and learning rate."""
        metrics.TRAINING_STEP.labels(self.run_id).set(step)
        self._set_of(metrics.TRAINING_LOSS, "training_loss", loss, objective)
        metrics.LEARNING_RATE.labels(self.run_id, objective.value).set(lr)
        vram = gpu_vram_bytes()
        if vram is not None:
            self._set(metrics.GPU_VRAM_BYTES, "gpu_vram_bytes", vram)
            metrics.GPU_VRAM_CAP_BYTES.labels(self.run_id).set(vram_cap_bytes(self._vram_cap_gib))
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

    def trained(self, step: int, objective: Objective, samples: int, tokens: int, seconds: float) -> None:
        """After a step, whatever came of it: what it was trained on, and how long it took."""
        self._steps = step
        of = (self.run_id, objective.value)
        metrics.SAMPLES_TRAINED.labels(*of).inc(samples)
        metrics.TOKENS_TRAINED.labels(*of).inc(tokens)
        metrics.STEP_SECONDS.labels(*of).observe(seconds)

    def judged(self, objective: Objective, best: float | None, since_best: int) -> None:
        """After an evaluation: how it compares with those before."""
        if best is not None:
            metrics.VAL_METRIC_BEST.labels(self.run_id, objective.value).set(best)
        metrics.EVALUATIONS_SINCE_BEST.labels(self.run_id, objective.value).set(since_best)

    def committed(self, checkpoint: Checkpoint, seconds: float) -> None:
        """After a commit, which took so long."""
        manifest = checkpoint.manifest
        if self._wandb is not None and manifest.step:
            self._wandb.checkpoint(checkpoint.path, manifest.step)
        metrics.CHECKPOINTS.labels(self.run_id, "ok").inc()
        metrics.CHECKPOINT_SECONDS.labels(self.run_id).observe(seconds)
        self.begin_from(manifest)

    def begin_from(self, manifest: Manifest) -> None:
        """This is the newest checkpoint."""
        metrics.CHECKPOINT_BYTES.labels(self.run_id).set(sum(file.size for file in manifest.files.values()))
        metrics.CHECKPOINT_AGE.labels(self.run_id).set_function(lambda: time.time() - manifest.created_at)
        self._steps = max(self._steps, manifest.step)
        metrics.STEPS_SINCE_CHECKPOINT.labels(self.run_id).set_function(lambda: float(self._steps - manifest.step))

    def commit_failed(self) -> None:
        """A commit was tried, and nothing has appeared."""
        metrics.CHECKPOINTS.labels(self.run_id, "failed").inc()

    def rewarded(self, step: int, rewards: Sequence[float | None], seconds: float | None = None) -> None:
        """After rewards came in, which a step has waited for: their mean, 0 to 1; a late or failed one is None and counts nowhere."""
        if seconds is not None:
            metrics.REWARD_WAIT_SECONDS.labels(self.run_id).observe(seconds)
        given = [reward for reward in rewards if reward is not None]
        if given:
            mean = sum(given) / len(given)
            self._set(metrics.REWARD_AVG, "reward_avg", mean)
            self._log({"reward_avg": mean}, step)

    def valued(self, step: int, values: Sequence[float | None]) -> None:
        """After rewards came in: the mean of what the policy gives, which is R unless the policy has a number of its own."""
        given = [value for value in values if value is not None]
        if given:
            mean = sum(given) / len(given)
            self._set(metrics.REWARD_VALUE_AVG, "reward_value_avg", mean)
            self._log({"reward_value_avg": mean}, step)

    def sampled(self, step: int, gap: SamplingGap) -> None:
        """After a step on the model's own answers: how far they were from what was trained."""
        self._set(metrics.SAMPLING_GAP_NATS, "sampling_gap_nats", gap.nats)
        self._set(metrics.SAMPLING_RATIO_OUTSIDE, "sampling_outside_ratio", gap.outside)
        self._log({"sampling_gap_nats": gap.nats, "sampling_outside_ratio": gap.outside}, step)

    def figures(self, step: int, figures: Mapping[str, float], warning: str | None) -> None:
        """After a step that learns from rewards: what its answers were like, by name, and what is amiss."""
        self.values |= {f"answers_{name}": value for name, value in figures.items()}
        for name, value in figures.items():
            metrics.ANSWER_FIGURE.labels(self.run_id, name).set(value)
        self._log({f"answers/{name}": value for name, value in figures.items()}, step)
        self.hacking(step, warning)

    def hacking(self, step: int, warning: str | None) -> None:
        """Whether the reward rises while answers get worse; `warning` says how, None where they do not."""
        metrics.REWARD_HACKING.labels(self.run_id).set(float(warning is not None))
        self.values["reward_hacking"] = float(warning is not None)
        self._log({"reward_hacking": float(warning is not None)}, step)
        if warning is not None and not self._warned and self._wandb is not None:
            self._wandb.alert("reward_hacking", warning)
        self._warned = warning is not None

    def answered(self, step: int, judged: Iterable[tuple[ModelOutput, GraphReward | None]]) -> None:
        """Answers, and what each earned."""
        if self._wandb is not None:
            self._wandb.answers(step, judged)

    def close(self) -> None:
        """Finish the W&B run, if any; the run's series go away."""
        metrics.forget_run(self.run_id)
        if self._wandb is not None:
            self._wandb.close()

    def _set_of(self, gauge: Any, name: str, value: float, objective: Objective) -> None:
        self.values[name] = value
        self.values |= named({name: value}, objective)
        gauge.labels(self.run_id, objective.value).set(value)

    def _set(self, gauge: Any, name: str, value: float) -> None:
        self.values[name] = value
        gauge.labels(self.run_id).set(value)

    def _log(self, values: dict[str, float], step: int) -> None:
        if self._wandb is not None:
            self._wandb.log(values, step)


def named(values: dict[str, float], objective: Objective) -> dict[str, float]:
    """The same values under names that say whose they are: `val_metric_preference`. The plain names have the newest, whosever it is."""
    return {f"{name}_{objective.value}": value for name, value in values.items()}


def gpu_vram_bytes() -> float | None:
    """Accelerator memory reserved by this process, in bytes; None where there is no CUDA device."""
    import torch

    return float(torch.cuda.memory_reserved()) if torch.cuda.is_available() else None


def vram_cap_bytes(gib: float | None) -> float:
    """What `gpu_vram_bytes` should stay below: what is given, else VRAM_SHARE of the device."""
    import torch

    return gib * 2**30 if gib is not None else VRAM_SHARE * torch.cuda.get_device_properties(0).total_memory
