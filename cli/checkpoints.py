"""`pelton checkpoints`: what a run has saved, whether it is whole, and what it was trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Group, json_option
from cli.terminal import say, styled, zoned

if TYPE_CHECKING:
    from trainer_node.commit.manifest import Checkpoint, Manifest

EXIT_TORN = 1
folder = click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")


@click.group(cls=Group)
def checkpoints() -> None:
    """List and verify checkpoints, and what each was trained on.

    DIR is a checkpoint, or the folder of a run: then its newest checkpoint that is whole.
    """


@checkpoints.command("list")
@folder
@json_option
def list_(directory: Path, as_json: bool) -> None:
    """List the checkpoints of a run, oldest first, with those that are refused and why."""
    from schemas.errors import CheckpointError
    from trainer_node.commit.manifest import directories, verify

    rows: list[dict[str, Any]] = []
    for path in sorted(directories(_run_dir(directory) / "checkpoints")):
        try:
            manifest = verify(path).manifest
        except CheckpointError as error:
            rows.append({"name": path.name, "valid": False, "why": str(error)})
            continue
        rows.append({"name": path.name, "valid": True, **_facts(manifest)})
    if as_json:
        say(json.dumps(rows))
        return
    for row in rows:
        say(_line(row))
    if not rows:
        say(f"no checkpoints in {directory}", err=True)


@checkpoints.command()
@folder
@json_option
def verify(directory: Path, as_json: bool) -> None:
    """Check every file of a checkpoint against its manifest; exit code 1 when it is torn."""
    from schemas.errors import CheckpointError
    from trainer_node.commit.manifest import verify as verify_checkpoint

    try:
        checkpoint = verify_checkpoint(_newest_directory(directory))
    except CheckpointError as error:
        say(json.dumps({"valid": False, "why": str(error)}) if as_json else f"torn: {error}", err=not as_json)
        raise SystemExit(EXIT_TORN) from None
    manifest = checkpoint.manifest
    found = {
        "valid": True,
        "name": manifest.name,
        "files": len(manifest.files),
        "segments": len(manifest.segments),
        "sha256": checkpoint.sha256,
    }
    say(json.dumps(found) if as_json else f"{manifest.name}: whole, {len(manifest.files)} files, {len(manifest.segments)} ledger segments")


@checkpoints.command()
@folder
@click.option("--all-passes", is_flag=True, help="A line for each pass that a sample was trained in, not only its last.")
def ledger(directory: Path, all_passes: bool) -> None:
    """Print one JSON line for each sample in the weights or among the dead letters, and for each record that was skipped."""
    from trainer_node.commit.ledger import Ledger

    checkpoint = _checkpoint(directory)
    rows = Ledger(checkpoint.path.parent.parent / "ledger", checkpoint.manifest.segments).rows()
    if not all_passes:
        rows = iter({(row.topic, row.partition, row.offset): row for row in rows}.values())
    for row in rows:
        say(json.dumps(row.document()))


@checkpoints.command()
@folder
@json_option
def lineage(directory: Path, as_json: bool) -> None:
    """Name the exact offset ranges of each topic that a checkpoint's weights were trained on."""
    from trainer_node.commit.ledger import Ledger, lineage_of

    checkpoint = _checkpoint(directory)
    ranges = lineage_of(Ledger(checkpoint.path.parent.parent / "ledger", checkpoint.manifest.segments).rows())
    if as_json:
        say(json.dumps({"checkpoint": checkpoint.manifest.name, "base_model": checkpoint.manifest.base_model, "trained": ranges}))
        return
    say(f"{checkpoint.manifest.name}: {checkpoint.manifest.base_model}, and then")
    for partition, spans in ranges.items():
        say(f"  {partition}: " + ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans))


def _run_dir(directory: Path) -> Path:
    """The run's folder, given it, the demo's folder around it, or one of its checkpoints."""
    for candidate in (directory, directory / "training", directory.parent.parent):
        if (candidate / "checkpoints").is_dir():
            return candidate
    raise click.BadParameter(f"{directory} is neither a run's folder nor a checkpoint")


def _newest_directory(directory: Path) -> Path:
    """The directory itself, or a run's newest one, whole or torn: what is to be verified must not be chosen by being whole."""
    from schemas.errors import UserError
    from trainer_node.commit.manifest import MANIFEST, directories

    if (directory / MANIFEST).exists() or directory.parent.name == "checkpoints":
        return directory
    found = sorted(directories(_run_dir(directory) / "checkpoints"))
    if not found:
        raise UserError(f"{directory} holds no checkpoint")
    return found[-1]


def _checkpoint(directory: Path) -> Checkpoint:
    from schemas.errors import UserError
    from trainer_node.commit.manifest import MANIFEST
    from trainer_node.commit.manifest import checkpoints as all_of
    from trainer_node.commit.manifest import verify as verify_checkpoint

    if (directory / MANIFEST).exists() or directory.parent.name == "checkpoints":
        return verify_checkpoint(directory, deep=False)
    whole = all_of(_run_dir(directory), deep=False)
    if not whole:
        raise UserError(f"{directory} holds no checkpoint that is whole: see `pelton checkpoints list {directory}`")
    return whole[-1]


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "epoch": manifest.epoch,
        "step": manifest.step,
        "pass": manifest.feed.pass_number,
        "samples_trained": manifest.feed.samples_trained,
        "metrics": manifest.metrics,
        "created_at": manifest.created_at,
    }


def _line(row: dict[str, Any]) -> str:
    if not row["valid"]:
        return styled(f"{row['name']}  refused: {row['why']}", fg="red")
    metrics = "  ".join(f"{name} {value:.4g}" for name, value in row["metrics"].items())
    when = zoned(row["created_at"])
    return f"{row['name']}  {when}  step {row['step']}  pass {row['pass']}  {row['samples_trained']} samples  {metrics}"
