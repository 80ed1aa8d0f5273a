"""Direct preference optimisation on the stream: TRL's DPOTrainer, whose loss also says what every pair cost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name the field uses
from peft import PeftModel
from trl import DPOConfig, DPOTrainer
from trl.trainer.utils import use_adapter

from schemas.errors import UserError
from schemas.training_sample import TrainingSample
from trainer_node.commit.best import ACCURACY, LOSS
from trainer_node.config import TrainConfig
from trainer_node.data.examples import PairExample
from trainer_node.kinds import TrainerKind
from trainer_node.training.base import StreamTrainer
from trainer_node.training.evaluation import Evaluation
from trainer_node.training.label_scores import BASELINE
from trainer_node.training.losses import collate, in_float64, mean_over_samples, sequences, token_losses
from trainer_node.training.spec import Prepare, TrainerSpec, Upstream
from trainer_node.training.step_loader import StepLoader


class StreamDPOTrainer(StreamTrainer[StepLoader], DPOTrainer):
    """Loss of a pair: -log σ(β·((log π(c) - log π(r)) - (log ref(c) - log ref(r)))) (Rafailov et al. 2023, eq. 7).

    The loss of a step is the mean over its pairs, however long they are. The reference is the model as it was when this objective began:
    the adapter `ref`, or the base without any adapter.
    """

    config_class = DPOConfig
    processing_class: Any

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """This rank's share of the mean over the step's pairs; each pair's own loss goes to the source with its completions' tokens."""
        margins, mask = self._margins(model, inputs)
        losses = -F.logsigmoid(margins)
        tokens = mask.sum(-1).view(2, -1).sum(0)
        self.source.note(losses.detach().tolist(), tokens.tolist())
        real = (tokens > 0).to(losses.dtype)
        loss = (losses * real).sum() / self._pairs_of_the_step() * self.accelerator.num_processes
        return (loss, {"margins": margins}) if return_outputs else loss

    def _pairs_of_the_step(self) -> int:
        assert self.source.batch is not None
        return len(self.source.batch.examples)

    @torch.no_grad()
    def margins(self, model: Any, pairs: list[PairExample]) -> torch.Tensor:
        """What each pair's chosen side has gained on the reference, less what its rejected side has, times β: (pairs,)."""
        inputs = collate(sequences(pairs), self.processing_class.pad_token_id).inputs()
        return self._margins(model, {name: tensor.to(self.accelerator.device) for name, tensor in inputs.items()})[0]

    def _margins(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        policy, mask = self._log_probs(model, inputs)
        with torch.no_grad(), self._reference(model):
            reference, _ = self._log_probs(model, inputs)
        chosen, rejected = (policy - reference).chunk(2)
        return self.beta * (chosen - rejected), mask

    def _log_probs(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        nll, mask = token_losses(model, inputs)
        return -nll.sum(-1), mask

    def _reference(self, model: Any) -> AbstractContextManager[None]:
        unwrapped = self.accelerator.unwrap_model(model)
        if not isinstance(unwrapped, PeftModel):
            raise UserError("DPO without LoRA would need a second copy of the model as its reference: set --lora-r above 0")
        return use_adapter(unwrapped, adapter_name="ref" if "ref" in unwrapped.peft_config else None)


def arguments(config: TrainConfig) -> dict[str, Any]:
    """Pairs come as tokens, cut to size."""
    return {"beta": config.beta, "max_length": None}


def source(config: TrainConfig, upstream: Upstream) -> StepLoader:
    """Pairs, which all weigh the same."""
    return StepLoader(
        upstream.next_batch, config.accumulation, upstream.pad_token_id, upstream.group, upstream.hooks, mean=mean_over_samples
    )


def learning_rate(config: TrainConfig) -> float:
    """A twentieth of the run's, unless it is set: at the rate of SFT a handful of pairs undoes what SFT has just learnt."""
    return config.dpo_lr or config.lr / 20


def pair_scores(
    trainer: StreamTrainer[Any],
    model: Any,
    tokenizer: Any,  # noqa: ARG001 - as every measure
    samples: Sequence[TrainingSample],
    prepare: Prepare,
    batch: int,
    labels: Sequence[str] = (),  # noqa: ARG001 - pairs have none
) -> Evaluation:
    """`val_loss`, the DPO loss, and `val_accuracy`, the share of pairs whose chosen side gained most on the reference: means over pairs.

    A pair whose sides gained alike counts as half a pair, so that the reference itself has the accuracy of a coin.
    """
    assert isinstance(trainer, StreamDPOTrainer)
    pairs = [example for example in map(prepare, samples) if isinstance(example, PairExample)]
    if not pairs:
        return Evaluation(LOSS, {}, {LOSS: "no held-out pair"})
    margins = torch.cat([in_float64(trainer.margins(model, pairs[start : start + batch])) for start in range(0, len(pairs), batch)])
    values = {LOSS: float(-F.logsigmoid(margins).mean())}
    if len(pairs) < 2:
        return Evaluation(LOSS, values, {ACCURACY: "there is one held-out pair"})
    return Evaluation(LOSS, values | {ACCURACY: float((margins.sign() + 1).mean() / 2), BASELINE: 0.5})


SPEC = TrainerSpec(
    kind=TrainerKind.DPO,
    trainer=StreamDPOTrainer,
    columns={"prompt": "a", "chosen": "b", "rejected": "c"},
    arguments=arguments,
    source=source,
    measure=pair_scores,
    learning_rate=learning_rate,
)
