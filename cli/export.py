"""`pelton export`: a checkpoint in the form that others serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from cli.export_targets import FILES, check_targets, make_folders
from cli.export_told import is_another_model, tell, tell_adapter
from cli.options import json_option

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
    help="Of what --gguf writes. [default: that of the arithmetic it was trained in] An adapter is written in f32, or f16.",
)
@click.option("--base", metavar="PATH|NAME", help="Where the model is now that the adapter belongs to, if it has moved.")
@json_option
def export(checkpoint: Path, dtype: str | None, quantize: str | None, base: str | None, as_json: bool, **targets: Path | None) -> None:
    """Write a CHECKPOINT (or a run's newest) as a model folder, an adapter or a GGUF file, which other tools load.

    Merged weights are read back and compared with the checkpoint as it was trained. The exit code is 1 where they are another model. A GGUF
    file that cannot be read back here is said to be so, and is no failure. With --json each target is a line, as soon as it is written.
    """
    wanted = {name: path for name, path in targets.items() if path}
    _check(wanted, dtype, quantize)
    check_targets(wanted)
    from trainer_node.models import export as exports

    exports.refuse_before_loading(checkpoint, adapter="adapter" in wanted or "gguf_adapter" in wanted, gguf=any(n in wanted for n in FILES))
    make_folders(wanted)
    others = False
    for name, exported in _written(checkpoint, wanted, dtype, quantize, base):
        if isinstance(exported, int):
            tell_adapter(name, wanted[name], exported, as_json)
        else:
            tell(name, exported, as_json)
            others |= is_another_model(exported)
    if others:
        raise click.exceptions.Exit(1)


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


def _written(
    checkpoint: Path, wanted: dict[str, Path], dtype: str | None, quantize: str | None, base: str | None
) -> Iterator[tuple[str, Any]]:
    """Write each target, the quick ones first: its option, and what was written, of an adapter its bytes."""
    from trainer_node.models import export as exports

    write: dict[str, Callable[[Path], Any]] = {
        "adapter": lambda path: exports.export_adapter(checkpoint, path, base),
        "gguf_adapter": lambda path: exports.export_gguf_adapter(checkpoint, path, quantize or "f32", base),
        "merge": lambda path: exports.export_merged(checkpoint, path, dtype, base),
        "gguf": lambda path: exports.export_gguf(checkpoint, path, quantize, base),
    }
    for name, writes in write.items():
        if path := wanted.get(name):
            yield name, writes(path)
