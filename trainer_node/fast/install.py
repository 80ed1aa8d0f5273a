"""Owns how the fast path gets into a loaded model and answers its callers as the model itself would."""

from __future__ import annotations

import inspect
import logging
import types
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from transformers.modeling_outputs import BaseModelOutputWithPast

from trainer_node.fast.loss import TokenLoss
from trainer_node.fast.model import FastDecoder, base_model
from trainer_node.fast.offload import HostEmbedding
from trainer_node.fast.packing import Sequences, targets, unpack

logger = logging.getLogger(__name__)
Tensor = torch.Tensor
IGNORED = -100


def install(model: Any, adapter: str = "default") -> FastDecoder:
    """Let forward passes that train go the fast way. Generation and evaluation stay as they are.

    An embedding table that is not also the output layer moves to the host's memory.

    Args:
        model: a PEFT model or a bare one, changed in place; `model.get_base_model().pelton_fast` is the decoder.
        adapter: name of the LoRA that is trained.

    Raises:
        ValueError: the model is not one the fast path takes (see `obstacle`).
    """
    decoder = FastDecoder(model, adapter)
    if not decoder.base.config.tie_word_embeddings:
        decoder.base.set_input_embeddings(HostEmbedding(decoder.base.get_input_embeddings().weight))
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
    _answer_token_losses(model, decoder)
    decoder.base.pelton_fast = decoder
    logger.info("training by the fast path")
    return decoder


def _answer_token_losses(model: Any, decoder: FastDecoder) -> None:
    """Let the model's own forward give the token losses: under DDP only a pass through the wrapper's forward has its gradients averaged.

    The outermost forward: TRL's SFTTrainer puts one of its own, which knows nothing of ours, into the model inside.
    """
    ordinary = model.forward

    def forward(_: Any, *args: Any, token_losses: bool = False, **kwargs: Any) -> Any:
        return _token_losses(decoder, kwargs) if token_losses else ordinary(*args, **kwargs)

    _replace_forward(model, forward)


def token_losses(model: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of each target token in nats, differentiable, without logits.

    Args:
        model: one that `install` has seen, in DDP's wrapper or not.
        inputs: `input_ids`, `labels` and, where there are, `attention_mask` and `position_ids`; each (rows, columns).

    Returns:
        nll (rows, columns - 1), 0 where there is no target; mask of the same shape, True where there is one.

    Raises:
        ValueError: `install` was not called, or the batch is not one the fast path can run.
    """
    if isinstance(model, DistributedDataParallel):
        losses: tuple[Tensor, Tensor] = model(**inputs, token_losses=True)
        return losses
    decoder = getattr(base_model(model), "pelton_fast", None)
    if decoder is None:
        raise ValueError("the fast path is not installed in this model")
    return _token_losses(decoder, inputs)


def _token_losses(decoder: FastDecoder, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    labels = inputs["labels"]
    packed = decoder.find(inputs["input_ids"], inputs.get("attention_mask"), inputs.get("position_ids"))
    if packed is None:
        raise ValueError("the fast path cannot run this batch: its mask is not 2-D, or its positions have gaps")
    goals = targets(labels, packed, IGNORED)
    chosen = (goals != IGNORED).nonzero().flatten()
    hidden = decoder.hidden(inputs["input_ids"], None, packed)
    if len(chosen) < len(hidden):
        hidden = hidden[chosen]
    with torch.autocast(decoder.device.type, enabled=False):
        nll: Tensor = TokenLoss.apply(hidden, decoder.head, goals[chosen])  # type: ignore[no-untyped-call]
    where = packed.tokens[chosen]
    mask = torch.zeros(labels.numel(), dtype=torch.bool, device=labels.device).index_fill_(0, where, True)
    spread = nll.new_zeros(labels.numel()).index_copy(0, where, nll)
    return spread.view(labels.shape)[:, :-1], mask.view(labels.shape)[:, :-1]


def _sequences(decoder: FastDecoder, ids: Tensor | None, kwargs: dict[str, Any]) -> Sequences | None:
    """Where the sequences lie, if this call is one the fast path can answer."""
    asks_for_more = any(kwargs.get(name) for name in ("past_key_values", "output_hidden_states", "output_attentions"))
    if asks_for_more or not decoder.adapter_is_on():
        return None
    values = kwargs.get("inputs_embeds") if ids is None else ids
    return None if values is None else decoder.find(values, kwargs.get("attention_mask"), kwargs.get("position_ids"))


def _replace_forward(module: Any, forward: Any) -> None:
    # Trainers and `generate` read a forward's signature to know what it takes.
    forward.__signature__ = inspect.signature(getattr(module.forward, "__func__", module.forward))
    module.forward = types.MethodType(forward, module)
