"""Owns how the fast path gets into a loaded model and answers its callers as the model itself would."""

from __future__ import annotations

import inspect
import logging
import types
from dataclasses import dataclass
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from trainer_node.fast.loss import TokenLosses, per_token_loss
from trainer_node.fast.model import FastDecoder, base_model
from trainer_node.fast.packing import Sequences, targets, unpack

log = logging.getLogger(__name__)
Tensor = torch.Tensor
IGNORED = -100


@dataclass
class FusedOutput(CausalLMOutputWithPast):
    """A causal language model's output without logits, with the sums that TRL's chunked loss reports."""

    num_correct_tokens: Tensor | None = None
    entropy_sum: Tensor | None = None
    num_valid_tokens: Tensor | None = None
    aux_loss: Tensor | None = None


def install(model: Any, keep: str = "inputs", offload: bool = False, adapter: str = "default") -> FastDecoder:
    """Let forward passes that train go the fast way; `model` is a PEFT model, or a bare one. Generation and evaluation stay as they are.

    Args:
        model: changed in place; `model.get_base_model().pelton_fast` is the decoder.
        keep: what each layer keeps for its backward pass: `inputs` (least memory), `attention`, `all` (least time).
        offload: the layers' inputs wait in pinned host memory.
        adapter: name of the LoRA that is trained.

    Raises:
        ValueError: the model is not one the fast path takes (see `obstacle`), or an unknown `keep`.
    """
    decoder = FastDecoder(model, adapter, keep, offload)
    backbone = decoder.base.model
    ordinary = backbone.forward

    def forward(self: Any, input_ids: Tensor | None = None, **kwargs: Any) -> Any:
        packed = _sequences(decoder, input_ids, kwargs) if torch.is_grad_enabled() and self.training else None
        if packed is None:
            return ordinary(input_ids=input_ids, **kwargs)
        embeddings = kwargs.get("inputs_embeds")
        rows, columns = (input_ids if embeddings is None else embeddings).shape[:2]  # type: ignore[union-attr]
        hidden: Any = unpack(decoder.hidden(input_ids, embeddings, packed), packed, (rows, columns))
        return BaseModelOutputWithPast(last_hidden_state=hidden)

    _replace_forward(backbone, forward)
    decoder.base.pelton_fast = decoder
    log.info("fast path: keeps %s for the backward pass%s", keep, ", in host memory" if offload else "")
    return decoder


def fuse_loss(model: Any) -> None:
    """Let forward passes with labels return their loss without logits. Call it once TRL's trainer is built, which patches the same forward.

    Raises:
        ValueError: `install` was not called.
    """
    decoder = _decoder(model)
    base = decoder.base
    ordinary = base.forward

    def forward(_: Any, input_ids: Tensor | None = None, labels: Tensor | None = None, **kwargs: Any) -> Any:
        packed = _sequences(decoder, input_ids, kwargs) if labels is not None and "shift_labels" not in kwargs else None
        if packed is None:
            return ordinary(input_ids=input_ids, labels=labels, **kwargs)
        assert labels is not None
        losses, _ = _losses(decoder, input_ids, kwargs.get("inputs_embeds"), labels, packed)
        count = kwargs.get("num_items_in_batch")
        loss: Any = losses.nll.sum() / (max(len(losses.nll), 1) if count is None else count)
        return FusedOutput(
            loss=loss,
            num_correct_tokens=losses.correct.sum(),
            entropy_sum=losses.entropy.sum(),
            num_valid_tokens=torch.tensor(len(losses.nll), device=loss.device),
        )

    _replace_forward(base, forward)


def token_losses(model: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of each target token, differentiable, without logits.

    Args:
        model: one that `install` has seen.
        inputs: `input_ids`, `labels` and, where there are, `attention_mask` and `position_ids`; each (rows, columns).

    Returns:
        nll (rows, columns - 1), 0 where there is no target; mask of the same shape, True where there is one.

    Raises:
        ValueError: `install` was not called, or the batch is not one the fast path can run.
    """
    decoder = _decoder(model)
    labels = inputs["labels"]
    packed = decoder.find(inputs["input_ids"], inputs.get("attention_mask"), inputs.get("position_ids"))
    if packed is None:
        raise ValueError("the fast path cannot run this batch: its mask is not 2-D, or its positions have gaps")
    losses, chosen = _losses(decoder, inputs["input_ids"], None, labels, packed)
    flat = losses.nll.new_zeros(labels.numel()).index_copy(0, packed.tokens[chosen], losses.nll)
    mask = torch.zeros(labels.numel(), dtype=torch.bool, device=labels.device).index_fill_(0, packed.tokens[chosen], True)
    return flat.view(labels.shape)[:, :-1], mask.view(labels.shape)[:, :-1]


def _losses(
    decoder: FastDecoder, ids: Tensor | None, embeddings: Tensor | None, labels: Tensor, packed: Sequences
) -> tuple[TokenLosses, Tensor]:
    """The losses of all target tokens, and which packed tokens these are."""
    goals = targets(labels, packed, IGNORED)
    chosen = (goals != IGNORED).nonzero().flatten()
    hidden = decoder.hidden(ids, embeddings, packed)
    if len(chosen) < len(hidden):
        hidden = hidden[chosen]
    with torch.autocast(decoder.device.type, enabled=False):
        return per_token_loss(hidden, decoder.base.lm_head.weight, goals[chosen]), chosen


def _sequences(decoder: FastDecoder, ids: Tensor | None, kwargs: dict[str, Any]) -> Sequences | None:
    """Where the sequences lie, if this call is one the fast path can answer."""
    asks_for_more = any(kwargs.get(name) for name in ("past_key_values", "output_hidden_states", "output_attentions"))
    if asks_for_more or not decoder.adapter_is_on():
        return None
    values = kwargs.get("inputs_embeds") if ids is None else ids
    return None if values is None else decoder.find(values, kwargs.get("attention_mask"), kwargs.get("position_ids"))


def _decoder(model: Any) -> FastDecoder:
    decoder = getattr(base_model(model), "pelton_fast", None)
    if decoder is None:
        raise ValueError("the fast path is not installed in this model")
    return decoder


def _replace_forward(module: Any, forward: Any) -> None:
    # Trainers and `generate` read a forward's signature to know what it takes.
    forward.__signature__ = inspect.signature(getattr(module.forward, "__func__", module.forward))
    module.forward = types.MethodType(forward, module)
