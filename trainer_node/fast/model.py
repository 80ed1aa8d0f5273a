"""Owns the decoder as a whole: which models the fast path takes, the parts of one, and its forward pass on packed tokens."""

from __future__ import annotations

from typing import Any

import torch

from trainer_node.fast.layer import Layer, LayerFunction
from trainer_node.fast.nf4 import is_nf4
from trainer_node.fast.offload import HostMemory
from trainer_node.fast.ops import ops_for
from trainer_node.fast.packing import Sequences, layout
from trainer_node.fast.projection import Projection

Tensor = torch.Tensor
FAMILIES = ("llama", "mistral")
"""Model types whose layers are exactly ours; a sliding window or biases rule a model out."""
NAMES = {"qkv": ("q_proj", "k_proj", "v_proj"), "o": ("o_proj",), "gate_up": ("gate_proj", "up_proj"), "down": ("down_proj",)}


def obstacle(model: Any, adapter: str = "default") -> str | None:
    """Why the fast path does not take this PEFT (or bare causal) model; None if it does."""
    base = base_model(model)
    config = base.config
    if config.model_type not in FAMILIES:
        return f"models of type {config.model_type} are not among {', '.join(FAMILIES)}"
    if getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False):
        return "its linear layers have biases"
    if getattr(config, "sliding_window", None) or getattr(config, "attention_dropout", 0.0):
        return "its attention has a window or dropout"
    if config.hidden_act != "silu":
        return f"its activation is {config.hidden_act}"
    if (rope := config.rope_parameters["rope_type"]) not in ("default", "linear", "llama3", "yarn"):
        return f"its rotary embedding is of type {rope}"
    for name, module in base.named_modules():
        if reason := _module_obstacle(name, module, adapter):
            return reason
    if any(p.requires_grad for n, p in base.named_parameters() if f".{adapter}." not in n):
        return "weights other than the adapter's are trained"
    if base.device.type == "cuda" and compute_dtype(base) not in (torch.float16, torch.bfloat16):
        return "its arithmetic is in 32 bits, which attention on the device does not do"
    return None


def _module_obstacle(name: str, module: Any, adapter: str) -> str | None:
    if name.rsplit(".", 1)[-1] not in sum(NAMES.values(), ()):
        return f"{name} has an adapter" if hasattr(module, "lora_A") else None
    weight = getattr(module, "base_layer", module).weight
    if not is_nf4(weight) and not weight.is_floating_point():
        return "its weights are quantised in another way than NF4"
    if not hasattr(module, "lora_A"):
        return None
    if set(module.lora_A) - {adapter}:
        return "it has more than one adapter"
    if not isinstance(module.lora_dropout[adapter], torch.nn.Identity):
        return "its adapter has dropout"
    if module.use_dora.get(adapter) or module.lora_bias.get(adapter):
        return "its adapter is not a plain LoRA"
    return None


def base_model(model: Any) -> Any:
    """The causal language model inside a PEFT model, or itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class FastDecoder:
    """A loaded model's decoder, run layer by layer with hand-written backward passes. Reads the model's own weights.

    Raises:
        ValueError: the model cannot be taken (see `obstacle`).
    """

    def __init__(self, model: Any, adapter: str = "default") -> None:
        if reason := obstacle(model, adapter):
            raise ValueError(f"the fast path does not take this model: {reason}")
        self.base = base_model(model)
        self.adapter = adapter
        self.device = self.base.lm_head.weight.device
        self.dtype = compute_dtype(self.base)
        self.ops = ops_for(self.device)
        self.host = HostMemory(self.device) if self.device.type == "cuda" else None
        self.layers = [self._layer(layer) for layer in self.base.model.layers]
        self.masters = [layer.masters() for layer in self.layers]
        copies = [projection.copies() for layer in self.layers for projection in layer.projections]
        self._copies = [view for views, _ in copies for view in views]
        self._originals = [weight for _, weights in copies for weight in weights]
        self._scaled = [p.a for layer in self.layers for p in layer.projections if p.scale != 1.0 and p.masters]
        self._scales = [p.scale for layer in self.layers for p in layer.projections if p.scale != 1.0 and p.masters]
        self._tables = _rotary_tables(self.base.config, 1024, self.device)
        self.norm, self.eps = self.base.model.norm.weight.detach(), self.base.config.rms_norm_eps
        self.head = self.base.lm_head.weight.detach()
        self._witness = next((m for m in self.base.modules() if hasattr(m, "lora_A")), None)

    def _layer(self, layer: Any) -> Layer:
        attention, mlp, config = layer.self_attn, layer.mlp, self.base.config
        parts = {name: getattr(attention, name, None) or getattr(mlp, name) for names in NAMES.values() for name in names}
        projections = {key: Projection([parts[name] for name in names], self.adapter, self.dtype, self.ops) for key, names in NAMES.items()}
        return Layer(
            **projections,
            norm1=layer.input_layernorm.weight.detach(),
            norm2=layer.post_attention_layernorm.weight.detach(),
            eps=config.rms_norm_eps,
            heads=config.num_attention_heads,
            kv_heads=config.num_key_value_heads,
            dim=head_dim(config),
            dtype=self.dtype,
            ops=self.ops,
            host=self.host,
        )

    def adapter_is_on(self) -> bool:
        """Whether the model now computes with our adapter, unmerged: `disable_adapter()` and merges belong to the ordinary path."""
        layer = self._witness
        return layer is None or (not (layer.disable_adapters or layer.merged) and layer.active_adapters == [self.adapter])

    def find(self, ids: Tensor, mask: Tensor | None, positions: Tensor | None) -> Sequences | None:
        """Where the sequences of a batch (rows, columns, ...) lie; None if the batch is not one the fast path can run."""
        if mask is not None and mask.dim() != 2:
            return None
        found = layout((ids.shape[0], ids.shape[1]), ids.device, mask, positions)
        if found is None:
            return None
        return Sequences(found.tokens, found.positions, found.bounds, found.longest, *self.tables(found.longest))

    def tables(self, length: int) -> tuple[Tensor, Tensor]:
        """cos and sin of at least `length` positions, (length or more, D/2) float32."""
        if length > len(self._tables[0]):
            self._tables = _rotary_tables(self.base.config, 1 << (length - 1).bit_length(), self.device)
        return self._tables

    def hidden(self, ids: Tensor | None, embeddings: Tensor | None, sequences: Sequences) -> Tensor:
        """(T, H): hidden states of the packed tokens after the last norm, differentiable in the LoRA weights (and embeddings)."""
        if embeddings is None:
            assert ids is not None
            x = self.base.model.embed_tokens(ids.flatten()[sequences.tokens][None])[0].detach()  # frozen
        else:
            x = embeddings.flatten(0, 1)[sequences.tokens]
        with torch.autocast(self.device.type, enabled=False):
            if self.host is not None:
                self.host.begin()
            self.refresh()
            x = x.float().contiguous()
            for layer, masters in zip(self.layers, self.masters, strict=True):
                x = LayerFunction.apply(x, layer, sequences, *masters)  # type: ignore[no-untyped-call]
            normed: Tensor = NormFunction.apply(x, self.norm, self.eps, self.dtype, self.ops)  # type: ignore[no-untyped-call]
            return normed

    def refresh(self) -> None:
        """Bring the working copies of the LoRA weights up to date: an optimizer may have stepped."""
        if not self._copies:
            return
        with torch.no_grad():
            torch._foreach_copy_(self._copies, self._originals)
            if self._scaled:
                torch._foreach_mul_(self._scaled, self._scales)


class NormFunction(torch.autograd.Function):
    """The last RMSNorm, its weight frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype, ops: Any) -> Tensor:
        """x (T, H) float32 -> (T, H) in `dtype`."""
        y: Tensor
        y, rstd = ops.rms_norm(x, weight, eps, dtype)
        ctx.save_for_backward(x, weight, rstd)
        ctx.ops = ops
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of x."""
        x, weight, rstd = ctx.saved_tensors
        return ctx.ops.rms_norm_backward(dy.contiguous(), x, weight, rstd, None), None, None, None, None


def compute_dtype(base: Any) -> torch.dtype:
    """The dtype products are computed in: what a 4-bit layer says, else the dense weights' own."""
    layer = base.model.layers[0].mlp.down_proj
    layer = getattr(layer, "base_layer", layer)
    said: torch.dtype | None = getattr(layer, "compute_dtype", None) if is_nf4(layer.weight) else layer.weight.dtype
    return said or torch.bfloat16


def head_dim(config: Any) -> int:
    """Columns of one attention head."""
    columns: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return columns


def _rotary_tables(config: Any, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """cos and sin of each position and pair of columns, (length, D/2) float32, by the model's own scaling rule."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    kind, dim = config.rope_parameters["rope_type"], head_dim(config)
    if kind == "default":
        powers = torch.arange(0, dim, 2, dtype=torch.float32, device=device) / dim
        frequencies, scaling = 1.0 / config.rope_parameters["rope_theta"] ** powers, 1.0
    else:
        frequencies, scaling = ROPE_INIT_FUNCTIONS[kind](config, device)
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * frequencies.float().to(device)
    return angles.cos() * scaling, angles.sin() * scaling
