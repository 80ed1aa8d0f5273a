"""`pelton train`: train a model on the stream. Also `python -m cli.train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from cli.options import kafka_options

TASKS = ("generation", "qa", "classification", "preference", "rlhf_ppo", "rlhf_grpo")
TRAINERS = ("auto", "sft", "dpo", "ppo", "grpo")


def there(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Each is a file that is there, or reads as a name on the hub."""
    from cli.hub_data import is_hub_name

    for name in given:
        if not Path(name).is_file() and not is_hub_name(name):
            raise click.BadParameter(f"no file {name}")
    return given


@click.command()
@click.option("--model", help="Hub id, folder, GGUF file, or `default`: SmolLM2-135M-Instruct from the cache.")
@click.option("--task", type=click.Choice(TASKS), help="Task of the data; chooses the trainer when --trainer is not given.")
@click.option(
    "--dataset-path", multiple=True, callback=there, metavar="PATH|NAME", help="JSONL or CSV, or a hub's data set, to produce and train on."
)
@click.option("--trainer", type=click.Choice(TRAINERS), help="auto: SFT, then DPO on preference pairs. [default: by --task, else auto]")
@click.option("--alpha", type=int, help="LoRA alpha. [default: 32]")
@click.option("--beta", type=float, help="DPO or KL coefficient. [default: 0.1]")
@click.option("--bits", type=click.Choice(["4", "8", "16", "32"]), help="Bits per base weight. [default: the fewest this device can do]")
@click.option("--epochs", type=int, help="Passes over the stream; each after the first is a rewind. [default: 1]")
@click.option("--lora-r", type=int, help="LoRA rank; 0 trains all weights. [default: 16]")
@click.option("--lr", type=float, help="Learning rate. [default: 2e-4]")
@click.option("--dpo-lr", type=float, help="Learning rate of DPO. [default: a twentieth of --lr]")
@click.option("--schedule", type=click.Choice(["constant", "constant_with_warmup", "cosine_with_restarts"]), help="Learning-rate schedule.")
@click.option("--warmup-steps", type=int, help="Steps of warm-up. [default: 0]")
@click.option("--restart-steps", type=int, help="Steps of one cosine. [default: 1000]")
@click.option("--batch-size", type=int, help="Samples per optimizer step, of each process. [default: 8]")
@click.option("--accumulation", type=int, help="Micro-batches per optimizer step. [default: 1]")
@click.option("--max-seq", type=int, help="Longest sample in tokens. [default: 1024]")
@click.option("--too-long", type=click.Choice(["truncate", "dead-letter"]), help="What happens to a longer one. [default: truncate]")
@click.option("--backend", type=click.Choice(["auto", "unsloth", "hf"]), help="[default: auto]")
@click.option("--linger-s", type=float, help="Seconds a partly filled batch waits for more. [default: 2]")
@click.option("--pace-steps", type=int, help="Steps before the next difficulty band opens. [default: 8]")
@click.option("--checkpoint-steps", type=int, help="Steps between checkpoints. [default: 50]")
@click.option("--keep-checkpoints", type=int, help="Newest checkpoints kept, besides the best. [default: 2]")
@click.option("--eval-steps", type=int, help="Steps between evaluations; 0: at the end of each pass. [default: 0]")
@click.option("--patience", type=int, help="Evaluations without improvement before stopping; 0 never stops. [default: 3]")
@click.option("--grace-s", type=float, help="Seconds from SIGTERM to giving up on a clean stop. [default: 60]")
@click.option("--repeat-horizon", type=int, help="Sample ids remembered in a pass. [default: 100000]")
@click.option("--held-out-prompts", type=int, help="Prompts to ask before and after training. [default: 0]")
@click.option("--max-new-tokens", type=int, help="Longest answer in tokens. [default: 32]")
@click.option("--num-generations", type=int, help="grpo: completions of each prompt, compared with each other. [default: 4]")
@click.option("--ppo-epochs", type=int, help="ppo: optimizer steps on the completions of a round. [default: 4]")
@click.option("--temperature", type=float, help="Sampling temperature of grpo and ppo. [default: 1]")
@click.option("--reward-timeout-s", type=float, help="Wait for rewards; one that comes later is none, not zero. [default: 120]")
@click.option("--on-data-loss", type=click.Choice(["fail", "skip"]), help="When retention removed records not trained on. [default: fail]")
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--run-id", help="Name of the run; the same name goes on from its newest checkpoint. [default: a new one from the time]")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Folder of the run. [default: runs/<run id>]")
@click.option(
    "--from-timestamp", metavar="TIME", help="New run: begin with the records of this date (ISO 8601, or seconds since the epoch)."
)
@click.option(
    "--from-checkpoint",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="New run: begin with the weights, optimizer and positions of another run's checkpoint.",
)
@click.option(
    "--replay",
    multiple=True,
    metavar="RANGE",
    help="New run: train on these offsets alone, TOPIC:PARTITION:FIRST-LAST or as sft.0:0-499; may be repeated. Ends with them.",
)
@click.option("--until-consumed", is_flag=True, help="End when everything on the topics is trained; --dataset-path implies it.")
@click.option(
    "--closed-file", type=click.Path(path_type=Path), help="With --until-consumed: producers may still send until this file exists."
)
@click.option("--wait-for", type=click.Choice(["curriculum", "augmenter"]), multiple=True, help="Workers whose lag must be zero, too.")
@click.option("--workers-run-id", help="Run id in the group names of those workers, where they serve this run alone.")
@click.option("--facts", type=click.Path(exists=True, path_type=Path), multiple=True, help="With --dataset-path: facts for the graph.")
@click.option("--ontology", type=click.Path(exists=True, path_type=Path), help="With --dataset-path: the facts' predicates.")
@click.option("--metrics-port", type=int, help="Serve Prometheus metrics and health here; 0 for any free port.")
@click.option("--wandb", "wandb_project", metavar="PROJECT", help="Log to W&B; offline, in the run's folder, unless WANDB_API_KEY is set.")
@kafka_options
@click.pass_context
def train(ctx: click.Context, settings: Any, **given: Any) -> None:
    """Train a model on what flows over the topics.

    With --dataset-path and no broker address, a broker and the workers are started, the files are produced, and training ends when all is
    consumed. Otherwise it goes on until it is stopped: SIGTERM finishes the step and checkpoints, and the same --run-id goes on from there.
    """
    from cli.runs import options_from, train_config

    _check_task(given)
    if given["dataset_path"] and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise click.UsageError("several processes train from the topics: `pelton produce` the files, and leave --dataset-path out")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not given["run_id"]:
        raise click.UsageError("several processes need one name for the run: give --run-id")
    config = train_config(ctx, given)
    options = options_from(given, settings.topics)
    if given["dataset_path"]:
        from cli.dataset_run import train_on_files

        train_on_files(settings, config, options, given["dataset_path"], given["facts"], given["ontology"])
        return
    from trainer_node.node import run_node

    run_node(settings, config, options)


def _check_task(given: dict[str, Any]) -> None:
    """The trainer, by the task where none is named."""
    from schemas.sample import Task
    from trainer_node.kinds import TrainerKind, kind_of_task, trains

    task = given.pop("task")
    if task and given["trainer"] and not trains(TrainerKind(given["trainer"]), Task(task)):
        raise click.UsageError(f"--task {task} is trained by {kind_of_task(task).value}, not by --trainer {given['trainer']}")
    given["trainer"] = given["trainer"] or (kind_of_task(task).value if task else None)


if __name__ == "__main__":
    from cli.main import run_command

    run_command(train)
