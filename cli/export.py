"""`pelton export`: a checkpoint as a model folder that plain Transformers loads."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--merge", "target", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write, new or empty.")
def export(checkpoint: Path, target: Path) -> None:
    """Merge a CHECKPOINT's adapter (or a run's newest) into its base and write safetensors, tokenizer and config to DIR."""
    from trainer_node.models.restore import export_merged

    if target.exists() and any(target.iterdir()):
        raise click.BadParameter(f"{target} is not empty", param_hint="--merge")
    export_merged(checkpoint, target)
    click.echo(f"wrote {target}: load it with AutoModelForCausalLM.from_pretrained")
