"""`pelton export`: a checkpoint in the form that others serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.export_targets import FILES, check_targets, make_folders
from cli.terminal import say

DIR = click.Path(path_type=Path)


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--merge", type=DIR, metavar="DIR", help="Folder to write, new or empty: safetensors, the adapter added to its base.")
@click.option("--adapter", type=DIR, metavar="DIR", help="Folder to write, new or empty: the adapter alone, as PEFT and vLLM load it.")
@click.option("--gguf", type=DIR, metavar="FILE", help="File to write, named *.gguf, for llama.cpp and Ollama; its Modelfile beside it.")
@click.option("--gguf-adapter", type=DIR, metavar="FILE", help="File to write, named *.gguf: the adapter alone, for llama.cpp's --lora.")
@click.option(
    "--dtype",
    type=click.Choice(["bfloat16", "float16", "float32"]),
    help="Of what --merge writes. [default: that of the arithmetic it was trained in, whose answers are nearest]",
)
@click.option(
    "--quantize",
    type=click.Choice(["f32", "f16", "bf16", "q8_0"]),
    help="Of what --gguf writes. [default: as --dtype's] An adapter is written in f32, or f16.",
)
@click.option("--base", metavar="PATH|NAME", help="Where the model is now that the adapter belongs to, if it has moved.")
def export(checkpoint: Path, dtype: str | None, quantize: str | None, base: str | None, **targets: Path | None) -> None:
    """Write a CHECKPOINT (or a run's newest) as a model folder, an adapter or a GGUF file, which other tools load.

    Merged weights are read back and compared with the checkpoint as it was trained. The exit code is 1 where they are another model.
    """
    wanted = {name: path for name, path in targets.items() if path}
    _check(wanted, dtype, quantize)
    check_targets(wanted)
    from trainer_node.models import export as exports

    exports.refuse_before_loading(checkpoint, adapter="adapter" in wanted or "gguf_adapter" in wanted, gguf=any(n in wanted for n in FILES))
    make_folders(wanted)
    if path := wanted.get("adapter"):
        _told(path, exports.export_adapter(checkpoint, path, base), "the adapter, to be read beside its base")
    if path := wanted.get("gguf_adapter"):
        size = exports.export_gguf_adapter(checkpoint, path, quantize or "f32", base)
        _told(path, size, "the adapter, for llama.cpp's --lora beside a GGUF file of its base")
    if path := wanted.get("merge"):
        tell(exports.export_merged(checkpoint, path, dtype, base))
    if path := wanted.get("gguf"):
        tell(exports.export_gguf(checkpoint, path, quantize, base))


def _check(wanted: dict[str, Path], dtype: str | None, quantize: str | None) -> None:
    """Refuse options that make no sense together."""
    if not wanted:
        raise click.UsageError("say what to write: --merge DIR, --adapter DIR, --gguf FILE or --gguf-adapter FILE")
    if dtype and "merge" not in wanted:
        raise click.UsageError("--dtype is of what --merge writes")
    if quantize and not {"gguf", "gguf_adapter"} & wanted.keys():
        raise click.UsageError("--quantize is of what --gguf writes")
    if "gguf_adapter" in wanted and quantize not in (None, "f32", "f16"):
        raise click.UsageError(f"an adapter is written in f32 or f16: {quantize} would make its small weights zero")


def _told(path: Path, size: int, what: str) -> None:
    say(f"wrote {path}: {size_of(size)}, {what}")


def tell(exported: Any) -> None:
    """Say what was written and how near it is to the checkpoint; exit code 1 where it is another model."""
    from trainer_node.models.export import EXACT, OTHER_MODEL

    near = exported.fidelity
    prompts = "held-out prompts" if exported.held_out else "prompts of ours, since the run held none out"
    say(f"wrote {exported.folder}: {size_of(exported.bytes)} in {exported.dtype}")
    say(
        f"read back on {prompts}: mean KL {near.kl:.2g} nats from the checkpoint as trained,"
        f" {near.equal:.1%} of {near.tokens} tokens the same"
    )
    if near.kl > EXACT:
        say(f"more than {EXACT:g}: the exact form is the adapter beside its base, --adapter DIR", fg="yellow", err=True)
    if near.kl > OTHER_MODEL:
        say(f"more than {OTHER_MODEL:g}: what was written is another model than the one that was trained", fg="red", err=True)
        raise click.exceptions.Exit(1)


def size_of(count: int) -> str:
    """Bytes, for a person."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
