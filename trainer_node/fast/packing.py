"""Owns the way from a padded batch to packed tokens and back: no padding is computed, no sequence sees another."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Sequences:
    """Where the sequences lie in T packed tokens."""

    tokens: Tensor
    """(T,) int64: index of each token in the flattened batch."""
    positions: Tensor
    """(T,) int32: place in its sequence, from 0."""
    bounds: Tensor
    """(sequences + 1,) int32: starts, and the end."""
    longest: int
    cos: Tensor
    """(longest or more, D/2) float32."""
    sin: Tensor


@dataclass(frozen=True)
class Layout:
    """A batch's tokens, before the rotary tables are known."""

    tokens: Tensor
    positions: Tensor
    bounds: Tensor
    longest: int


def layout(shape: tuple[int, int], device: torch.device, mask: Tensor | None, positions: Tensor | None) -> Layout | None:
    """Find the sequences of a batch (rows, columns).

    With a mask, a row is one sequence, padded on either side. Without one, a sequence starts at each row's start and wherever
    positions restart at 0 (padding-free batches). None if positions count in another way: rotary embeddings are relative,
    so any constant offset within a sequence is the same, but gaps are not.
    """
    if mask is not None:
        kept = mask.to(torch.bool)
        place = kept.cumsum(-1) - 1
    else:
        kept = torch.ones(shape, dtype=torch.bool, device=device)
        place = torch.arange(shape[1], device=device).expand(shape)
        if positions is not None:
            starts = (positions.expand(shape) == 0) | (place == 0)
            place = place - torch.where(starts, place, 0).cummax(-1).values
    tokens = kept.flatten().nonzero().flatten()
    packed = place.flatten()[tokens]
    begins = (packed == 0).nonzero().flatten()
    bounds = torch.cat([begins, begins.new_tensor([len(tokens)])])
    # One wait for the device: the longest sequence, and whether the caller's positions are ours up to an offset.
    facts = [bounds.diff().max()]
    if positions is not None:
        offset = positions.expand(shape).flatten()[tokens] - packed
        steady = (offset.diff() == 0) | (packed[1:] == 0)
        facts.append((~steady).sum())
    longest, *unsteady = torch.stack(facts).tolist()
    return None if any(unsteady) else Layout(tokens, packed.int(), bounds.int(), longest)


def targets(labels: Tensor, sequences: Layout | Sequences, ignored: int = -100) -> Tensor:
    """(T,) int64: the label each packed token is to predict, that of the next token of its sequence; `ignored` where there is none."""
    packed = labels.flatten()[sequences.tokens]
    following = torch.cat([packed[1:], packed.new_full((1,), ignored)])
    last = torch.zeros_like(following, dtype=torch.bool)
    last[sequences.bounds[1:].long() - 1] = True
    return following.masked_fill(last, ignored)


def unpack(values: Tensor, sequences: Layout | Sequences, shape: tuple[int, int]) -> Tensor:
    """Packed values (T, ...) back to (rows, columns, ...), zeros elsewhere; differentiable."""
    flat = values.new_zeros((shape[0] * shape[1], *values.shape[1:]))
    return flat.index_copy(0, sequences.tokens, values).view(*shape, *values.shape[1:])
