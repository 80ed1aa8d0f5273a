"""Owns how the fast path gets into a loaded model and answers its callers as the model itself would."""

from __future__ import annotations

import inspect
import logging
import types
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from trainer_node.fast.graph import GraphLoss, Recorder, Size
from trainer_node.fast.loss import TokenLosses, per_token_loss
from trainer_node.fast.model import FastDecoder, base_model
from trainer_node.fast.offload import HostEmbedding
from trainer_node.fast.packing import Sequences, targets, unpack

log = logging.getLogger(__name__)
Tensor = torch.Tensor
IGNORED = -100


@dataclass
class FusedOutput(CausalLMOutputWithPast):
    """A causal language model's output without logits, with the sums that TRL's chunked loss reports."""

    token_losses: Tensor | None = None
    """nll of each target token (rows, columns - 1), 0 where there is no target; not differentiable: for per-sample losses."""
    num_correct_tokens: Tensor | None = None
    entropy_sum: Tensor | None = None
    num_valid_tokens: Tensor | None = None
    aux_loss: Tensor | None = None


def install(model: Any, keep: str = "inputs", offload: bool = False, graph: bool = False, adapter: str = "default") -> FastDecoder:
    """Let forward passes that train go the fast way; `model` is a PEFT model, or a bare one. Generation and evaluation stay as they are.

    Args:
        model: changed in place; `model.get_base_model().pelton_fast` is the decoder.
        keep: what each layer keeps for its backward pass: `inputs` (least memory), `attention`, `all` (least time).
        offload: the layers' inputs wait in pinned host memory, and an embedding table that is not also the output layer stays there.
        graph: passes that compute the loss (see `fuse_loss`) are recorded as CUDA graphs; not together with `offload`.
        adapter: name of the LoRA that is trained.

    Raises:
        ValueError: the model is not one the fast path takes (see `obstacle`), or an unknown `keep`.
    """
    decoder = FastDecoder(model, adapter, keep, offload)
    if graph and offload:
        raise ValueError("graph and offload exclude each other: a recorded pass cannot wait for the host")
    decoder.recorder = Recorder(decoder) if graph else None
    if offload and not decoder.base.config.tie_word_embeddings:
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
    log.info("fast path: keeps %s for the backward pass%s%s", keep, ", in host memory" * offload, ", recorded as CUDA graphs" * graph)
    return decoder


def _answer_token_losses(model: Any, decoder: FastDecoder) -> None:
    """Let the model's own forward give the token losses: under DDP only a pass through the wrapper's forward has its gradients averaged.

    The outermost forward: TRL's SFTTrainer puts one of its own, which knows nothing of ours, into the model inside.
    """
    ordinary = model.forward

    def forward(_: Any, *args: Any, token_losses: bool = False, **kwargs: Any) -> Any:
        return _token_losses(decoder, kwargs) if token_losses else ordinary(*args, **kwargs)

    _replace_forward(model, forward)


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
        goals = targets(labels, packed, IGNORED)
        chosen = (goals != IGNORED).nonzero().flatten()
        count = kwargs.get("num_items_in_batch")
        count = max(len(chosen), 1) if count is None else count
        loss, losses = _recorded_loss(decoder, input_ids, packed, chosen, goals, count)
        if losses is None:
            losses = _losses(decoder, input_ids, kwargs.get("inputs_embeds"), packed, chosen, goals)
            loss = losses.nll.sum() / count
        return FusedOutput(
            loss=loss,
            token_losses=_spread(losses.nll.detach(), packed, chosen, labels.shape),
            num_correct_tokens=losses.correct.sum(),
            entropy_sum=losses.entropy.sum(),
            num_valid_tokens=torch.tensor(len(chosen), device=chosen.device),
        )

    _replace_forward(base, forward)


def token_losses(model: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of each target token, differentiable, without logits.

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
    return _token_losses(_decoder(model), inputs)


def _token_losses(decoder: FastDecoder, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    labels = inputs["labels"]
    packed = decoder.find(inputs["input_ids"], inputs.get("attention_mask"), inputs.get("position_ids"))
    if packed is None:
        raise ValueError("the fast path cannot run this batch: its mask is not 2-D, or its positions have gaps")
    goals = targets(labels, packed, IGNORED)
    chosen = (goals != IGNORED).nonzero().flatten()
    losses = _losses(decoder, inputs["input_ids"], None, packed, chosen, goals)
    mask = torch.zeros(labels.numel(), dtype=torch.bool, device=labels.device).index_fill_(0, packed.tokens[chosen], True)
    return _spread(losses.nll, packed, chosen, labels.shape), mask.view(labels.shape)[:, :-1]


def _losses(
    decoder: FastDecoder, ids: Tensor | None, embeddings: Tensor | None, packed: Sequences, chosen: Tensor, goals: Tensor
) -> TokenLosses:
    """The losses of the chosen packed tokens."""
    hidden = decoder.hidden(ids, embeddings, packed)
    if len(chosen) < len(hidden):
        hidden = hidden[chosen]
    with torch.autocast(decoder.device.type, enabled=False):
        return per_token_loss(hidden, decoder.head, goals[chosen])


def _recorded_loss(
    decoder: FastDecoder, ids: Tensor | None, packed: Sequences, chosen: Tensor, goals: Tensor, count: Any
) -> tuple[Any, TokenLosses | None]:
    """The loss by a recorded pass, if passes are recorded and this one trains."""
    if decoder.recorder is None or ids is None or not torch.is_grad_enabled() or len(chosen) == 0:
        return None, None
    recorded = decoder.recorder.find(Size.of(packed, len(chosen)))
    weight = 1.0 / torch.as_tensor(count, dtype=torch.float32, device=decoder.device)
    inputs = (ids.flatten()[packed.tokens], packed, chosen, goals[chosen], weight)
    loss, results = GraphLoss.apply(decoder.recorder, recorded, inputs, *decoder.recorder.masters)
    return loss, TokenLosses(*results.unbind(0))


def _spread(nll: Tensor, packed: Sequences, chosen: Tensor, shape: torch.Size) -> Tensor:
    """Losses of the chosen tokens (N,) to (rows, columns - 1), 0 where there is no target."""
    flat = nll.new_zeros(shape.numel()).index_copy(0, packed.tokens[chosen], nll)
    return flat.view(shape)[:, :-1]


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
