"""Which model an adapter belongs to: found again wherever it is now, and refused where other weights stand in its place."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import ConfigError
from trainer_node.commit.manifest import Manifest
from trainer_node.commit.provenance import Base, shown
from trainer_node.models.gguf import model_source
from trainer_node.models.identity import is_whole, same_weights, weights_identity


def base_of(model: str) -> Base:
    """What a model's name leads to, here and now; of a hub's id, the revision and the weights as far as they have been fetched."""
    return base_at(model_source(model))


def base_at(source: str) -> Base:
    """As `base_of`, of a folder, a file or a hub's id."""
    path = Path(source).expanduser()
    if path.exists():
        return Base(source=str(path.resolve()), is_path=True, weights=weights_identity(str(path)))
    if looks_like_a_path(source):
        return Base(source=str(path.absolute()), is_path=True)
    snapshot = _snapshot(source)
    if snapshot is None:
        return Base(source=source, is_path=False)
    return Base(source=source, is_path=False, revision=snapshot.name, weights=weights_identity(str(snapshot)))


def looks_like_a_path(model: str) -> bool:
    """Whether a model's name can be no id of a hub: those are `name` or `owner/name`."""
    return model.startswith(("/", ".", "~")) or model.count("/") > 1


def _snapshot(hub_id: str, revision: str | None = None) -> Path | None:
    """The folder in the hub's cache that holds a revision, as far as it was fetched; None takes the newest."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, "config.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else None


def folder_here(base: Base) -> Path | None:
    """Where the whole of a base lies on this machine; None where it is not here, or not yet."""
    return _place(base) if base.weights else None


def _place(base: Base) -> Path | None:
    return Path(base.source) if base.is_path else _snapshot(base.source, base.revision)


def recorded_base(manifest: Manifest) -> Base:
    """What a manifest says of its base; an old one has the name that was typed, and perhaps a fingerprint, which only a path had."""
    if manifest.base is not None:
        return manifest.base
    source = model_source(manifest.base_model)
    is_path = manifest.base_identity is not None or looks_like_a_path(source)
    return Base(source=str(Path(source).absolute()) if is_path else source, is_path=is_path, weights=manifest.base_identity)


def is_same(one: Base, other: Base) -> bool:
    """Whether two are the same model: by their weights, and where those are not known, by their names."""
    if one.weights and other.weights:
        return same_weights(one.weights, other.weights, _place(one if is_whole(one.weights) else other))
    return (one.source, one.is_path) == (other.source, other.is_path)


def base_of_run(model: str, manifest: Manifest | None) -> Base:
    """The base of a run whose settings name `model`: of a hub's id the revision that its checkpoint was trained on, not a newer one."""
    recorded = manifest.base if manifest else None
    if recorded is not None and not recorded.is_path and model_source(model) == recorded.source:
        return recorded
    return base_of(model)


def name_of_base(manifest: Manifest) -> str:
    """How to name a checkpoint's base here: as it was typed, where that leads to it, else where it is.

    Raises:
        ConfigError: as `find_base`.
    """
    typed, recorded = manifest.base_model, recorded_base(manifest)
    if not recorded.is_path or is_same(base_of(typed), recorded):
        return typed
    return find_base(manifest, flag="--model").source


def find_base(manifest: Manifest, given: str | None = None, flag: str = "--base") -> Base:
    """Where the base of a checkpoint's adapter is: at `given`, or where it was trained, or where its name leads from here.

    Raises:
        ConfigError: it is in none of these places, or other weights are there; names both and what to do.
    """
    recorded = recorded_base(manifest)
    if given is None and not recorded.is_path:
        return recorded
    names = [given] if given is not None else list(dict.fromkeys((recorded.source, model_source(manifest.base_model))))
    places = [base for base in map(base_of, names) if not base.is_path or Path(base.source).exists()]
    # A name that was a folder is not asked of a hub, unless it is given as one.
    found = [base for base in places if base.is_path or given is not None]
    for base in found:
        if is_same(base, recorded) or recorded.weights is None:
            return base
    told = f"the adapter of checkpoint {manifest.name} belongs to {shown(recorded)}"
    if found and not found[0].is_path and found[0].weights is None:
        raise ConfigError(f"{told}, and {given} is no folder here, nor a hub's model that has been fetched: name its place by {flag}")
    if found:
        raise ConfigError(f"{told}, and {shown(found[0])} is another model: name the one it was trained on by {flag}")
    raise ConfigError(f"{told}, and there is no model at {names[0]}: name the place where it is now by {flag}")
