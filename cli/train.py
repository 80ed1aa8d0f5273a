"""`pelton train`: train a model on the stream. Also `python -m cli.train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from cli.declared import choices
from cli.judging import arguments_of, refuse_values_of_another, value_options
from cli.logs import as_node, log_option
from cli.options import REWARD_POLICY, Finite, RunName, facts_there, kafka_options, reading_options, there, under
from cli.terminal import say
from cli.train_options import HeadedCommand, setting_options

data_option, run_option, start_option, watch_option = map(under, ("Data", "Run", "Where a new run begins", "Monitoring"))
FILE = click.Path(exists=True, dir_okay=False)


@click.command(cls=HeadedCommand)
@data_option(
    "--dataset-path",
    multiple=True,
    callback=there,
    metavar="PATH|NAME",
    help="File, folder or pattern of files as `pelton produce` takes them, or a data set of the Hugging Face hub, to produce and train on; "
    "may be repeated.",
)
@data_option(
    "--task",
    type=click.Choice(choices("schemas.sample", "Task")),
    help="Task of every row of --dataset-path, instead of what its fields say; it also chooses the trainer.",
)
@reading_options(data_option)
@data_option(
    "--facts",
    multiple=True,
    callback=facts_there,
    metavar="FILE",
    help="With --dataset-path: facts for the knowledge graph, as `pelton facts` takes them; may be repeated.",
)
@data_option("--ontology", type=FILE, metavar="FILE", help="With --dataset-path: the predicates of those facts.")
@data_option(
    "--reward-policy",
    type=click.Choice(choices("feedback_node.policies", "RewardPolicy")),
    help="With --dataset-path and a broker of its own: how the feedback worker judges answers, as its --policy. "
    f"[default: {REWARD_POLICY}]",
)
@value_options(data_option, "As the feedback worker's. ")
@setting_options
@run_option(
    "--run-id",
    type=RunName(),
    metavar="ID",
    help="Name of the run. The same name goes on from its newest checkpoint. [default: made of the time]",
)
@run_option("--run-dir", type=click.Path(file_okay=False), metavar="DIR", help="Folder of the run. [default: runs/<run id>]")
@run_option("--until-consumed", is_flag=True, help="End when everything on the topics is trained. --dataset-path implies it.")
@run_option(
    "--closed-file",
    type=click.Path(),
    metavar="FILE",
    help="As --until-consumed, but producers may send until this file exists.",
)
@run_option(
    "--wait-for",
    type=click.Choice(["curriculum", "augmenter", "feedback"]),
    multiple=True,
    help="Worker whose lag must be zero, too, before everything is consumed; may be repeated.",
)
@run_option("--workers-run-id", type=RunName(), metavar="ID", help="Run id in the workers' group names, where they serve this run alone.")
@run_option("--take-over", is_flag=True, help="End a trainer that is at work on this run, and go on in its place, instead of refusing to.")
@run_option("--print-config", is_flag=True, help="Print all settings as a YAML file for --config, and train nothing.")
@start_option(
    "--from-timestamp", metavar="TIME", help="Begin with the records of this date (ISO 8601, or seconds or milliseconds since the epoch)."
)
@start_option(
    "--from-checkpoint",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Begin with the weights, optimizer and positions of another run's checkpoint.",
)
@start_option(
    "--replay",
    multiple=True,
    metavar="RANGE",
    help="Train on these offsets alone, as TOPIC:PARTITION:FIRST-LAST or sft.0:0-499, and end with them; may be repeated.",
)
@watch_option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve Prometheus metrics and health here; 0 takes any free port. [default: 9740, or the next free one]",
)
@watch_option("--metrics-host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to serve them on.")
@watch_option(
    "--vram-cap-gib",
    type=Finite(0, min_open=True),
    metavar="GIB",
    help="What gpu_vram_bytes should stay below: an alert goes by it. [default: 95 % of the device]",
)
@watch_option(
    "--wandb",
    "wandb_project",
    metavar="PROJECT",
    help="Log to Weights & Biases; offline, into the run's folder, unless WANDB_API_KEY is set.",
)
@log_option(watch_option)
@kafka_options
@click.pass_context
def train(ctx: click.Context, /, settings: Any, **given: Any) -> None:
    """Train a model on what flows over the topics.

    With --dataset-path and no broker address, a broker and the workers are started, the files are produced, and training ends when all is
    consumed. Otherwise it goes on until it is stopped: SIGTERM finishes the step and checkpoints, and the same --run-id goes on from there.

    A setting that no flag gives is taken from the environment (--batch-size from PELTON_TRAIN_BATCH_SIZE), else from the section `train:`
    of the YAML file (batch_size), else it has its default.
    """
    from cli.effects import refuse_without_effect
    from cli.runs import as_yaml, folder_of_run, options_from, train_config

    task = given.pop("task")
    is_named = given["trainer"] is not None
    given["trainer"] = trainer_for(task, given["trainer"])
    if given["dataset_path"] and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise click.UsageError("several processes train from the topics: `pelton produce` the files, and leave --dataset-path out")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not given["run_id"]:
        raise click.UsageError("several processes need one name for the run: give --run-id")
    config = train_config(ctx, given)
    if given["print_config"]:
        say(as_yaml(settings, config), nl=False, lines=True)
        return
    if task and is_named and not given["dataset_path"]:
        raise click.UsageError("--task does nothing beside --trainer without --dataset-path: it says what rows are, or chooses the trainer")
    refuse_values_of_another(given["reward_policy"] or REWARD_POLICY, given["ternary"], "--reward-policy")
    refuse_without_effect(config, given | {"named": "bootstrap_servers" in settings.model_fields_set})
    if Path(config.model).suffix == ".gguf":
        from trainer_node.models.gguf import model_source

        model_source(config.model)  # before a broker and workers are started
    options = options_from(given, settings.topics)
    as_node("trainer", options.run_id)
    with folder_of_run(options.run_dir, is_new=not given["run_id"] and not given["run_dir"]):
        stopped = run(settings, config, options, task, given)
    if stopped:
        from trainer_node.stopping import leave

        leave()


def run(settings: Any, config: Any, options: Any, task: str | None, given: dict[str, Any]) -> bool:
    """Train on files, or on what flows over the topics; whether it was told to stop."""
    if given["dataset_path"]:
        from cli.dataset_run import train_on_files
        from cli.sample_reader import read_options

        read = read_options(task, given["shape"], given["mapping"], given["encoding"])
        judging = arguments_of(given["reward_policy"] or REWARD_POLICY, given["no_claims"], given["ternary"])
        return train_on_files(settings, config, options, given["dataset_path"], given["facts"], given["ontology"], read, judging)
    from cli.progress import shown
    from trainer_node.node import run_node

    return run_node(settings, config, options, lambda node: shown(node.snapshot, options.run_id))


def trainer_for(task: str | None, named: str | None) -> str | None:
    """The trainer that is named, else the one of the task."""
    from schemas.sample import Task
    from trainer_node.kinds import TrainerKind, kind_of_task

    if task is None:
        return named
    own = kind_of_task(task).value
    if named and not TrainerKind(named).trains(Task(task)):
        raise click.UsageError(f"--task {task} is trained by {own}, not by --trainer {named}")
    return named or own


if __name__ == "__main__":
    from cli.main import run_command

    run_command(train)
