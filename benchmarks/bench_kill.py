"""The same kill schedule against Pelton and against a plain TRL trainer on Kafka: which samples are missing, which are doubled.

Plain TRL, as one would write it: `SFTTrainer` on a `datasets.IterableDataset.from_generator` that polls a KafkaConsumer of a group,
`save_steps` checkpoints, group offsets committed at each save, and after a crash `resume_from_checkpoint` of the newest checkpoint with
`ignore_data_skip=True` (the stream goes on at the committed offsets). Both read the same samples from the same kind of broker, with the
same tiny model, batch and checkpoint interval.

The oracle for both is what the surviving weights have seen: Pelton's is the ledger of its newest checkpoint. The plain trainer has none,
so the benchmark keeps one for it: the ids of each optimizer step, of the steps that the checkpoint resumed from contains, in that
incarnation's line of ancestry. A kill is SIGKILL, sent by the parent when the child says it has begun the optimizer step of the schedule.

Run: `python benchmarks/bench_kill.py` (writes `benchmarks/results/bench_kill.json`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
BATCH, SAVE_STEPS, KILLS = 20, 5, 6


class Stream:
    """Texts from a consumer, until none has come for a while. The dataset's fingerprint wants to pickle it: the consumer is left out.

    SFTTrainer looks at the first sample when it is built; in the plain trainer's favour, what that took from the consumer comes again.
    """

    def __init__(self, consumer: Any, idle_s: float) -> None:
        self.consumer = consumer
        self.idle_s = idle_s
        self.looked_at: list[Any] = []
        self.begun = False

    def __getstate__(self) -> dict[str, float]:
        return {"idle_s": self.idle_s}

    def __call__(self) -> Any:
        looking, self.begun = not self.begun, True
        again = list(self.looked_at)
        if not looking:
            self.looked_at.clear()
        yield from again
        last = time.monotonic()
        while time.monotonic() - last < self.idle_s:
            polled = self.consumer.poll(timeout_ms=200, max_records=BATCH)
            rows = [_row(record.value) for batch in polled.values() for record in batch]
            last = time.monotonic() if rows else last
            if looking:
                self.looked_at += rows
            yield from rows


def _row(value: bytes) -> dict[str, Any]:
    from schemas.training_sample import TrainingSample

    sample = TrainingSample.decode(value)
    return {"text": f"{sample.prompt[0].content} {sample.completion}", "number": int(sample.sample_id, 16)}


def plain(pipe: Any, servers: str, topics: list[str], folder: str, model: str, idle_s: float) -> None:
    """One incarnation of the plain trainer."""
    import torch
    from datasets import IterableDataset
    from kafka import KafkaConsumer
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from transformers.trainer_utils import get_last_checkpoint
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(1)
    consumer = KafkaConsumer(
        *topics,
        bootstrap_servers=servers,
        group_id="plain",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
    )
    tokenizer = AutoTokenizer.from_pretrained(model)

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        encoded = tokenizer([row["text"] for row in rows], padding=True, return_tensors="pt")
        labels = encoded["input_ids"].masked_fill(encoded["attention_mask"] == 0, -100)
        return {**encoded, "labels": labels, "numbers": torch.tensor([row["number"] for row in rows])}

    class Told(SFTTrainer):
        def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            numbers = inputs.pop("numbers").tolist()
            pipe.send(("step", self.state.global_step + 1, numbers))
            if pipe.recv() == "stop":
                time.sleep(3600)
            return super().compute_loss(model, inputs, *args, **kwargs)

    class Commit(TrainerCallback):
        def on_save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - the signature of Transformers
            consumer.commit()

    args = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=BATCH,
        learning_rate=1e-3,
        max_steps=1_000_000,
        save_steps=SAVE_STEPS,
        save_total_limit=2,
        ignore_data_skip=True,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        bf16=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        logging_strategy="no",
    )
    resume = get_last_checkpoint(folder) if Path(folder).is_dir() else None
    pipe.send(("resumed", int(resume.rsplit("-", 1)[1]) if resume else 0, None))
    pipe.recv()
    stream = Stream(consumer, idle_s)
    if next(stream(), None) is None:  # the group's offsets are at the end already: nothing is left to train on
        pipe.send(("end", 0, None))
        return
    stream.begun = False
    trainer = Told(
        model=AutoModelForCausalLM.from_pretrained(model),
        args=args,
        train_dataset=IterableDataset.from_generator(stream),
        data_collator=collate,
        processing_class=tokenizer,
        callbacks=[Commit()],
    )
    trainer.train(resume_from_checkpoint=resume)
    trainer.save_model(folder)
    pipe.send(("end", trainer.state.global_step, None))


def drive_plain(settings: Any, folder: Path, model: Path, schedule: list[int]) -> list[str]:
    """Kill at the schedule's steps; the ids that the final weights have seen, duplicates kept."""
    context = multiprocessing.get_context("forkserver")
    steps: dict[int, list[int]] = {}
    kills = list(schedule)
    while True:
        ours, theirs = context.Pipe()
        topics = [topic.name for topic in settings.topics.bands("sft")]
        arguments = (theirs, settings.bootstrap_servers, topics, str(folder), str(model), 25.0)
        process = context.Process(target=plain, args=arguments, daemon=True)
        process.start()
        theirs.close()
        while True:
            try:
                kind, number, detail = ours.recv()
            except EOFError:
                raise RuntimeError("the plain trainer ended by itself") from None
            if kind == "resumed":
                steps = {step: ids for step, ids in steps.items() if step <= number}
            elif kind == "end":
                process.join()
                return [f"{sample:016x}" for ids in steps.values() for sample in ids]
            elif kills and number >= kills[0]:
                kills.pop(0)
                ours.send("stop")
                process.kill()
                process.join()
                break
            else:
                steps[number] = detail
            ours.send("go on")


def drive_pelton(settings: Any, folder: Path, model: Path, schedule: list[int]) -> tuple[list[str], list[float]]:
    """The same with Pelton: kill when the schedule's step is about to be trained; also the seconds from each start to its first batch."""
    from tests.faults.runs import Run

    run = Run(settings, folder, model, batch_size=BATCH, checkpoint_steps=SAVE_STEPS, lr=1e-3, linger_s=1.0)
    recovery = []
    for number in schedule:
        started = time.monotonic()
        child = run.start(("batch", number))
        child.wait_for("batch")
        recovery.append(round(time.monotonic() - started, 2))
        child.wait_for("waiting")
        child.kill()
    run.finish()
    trained = run.trained()
    run.close()
    return trained, recovery[1:]


def main() -> None:
    """Run both, print, write."""
    from benchmarks.record import Record
    from benchmarks.trainer_runs import broker_with_samples
    from tests.faults.runs import account
    from tests.models.tiny import build

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    record = Record("bench_kill", options, {"kills": options.seeds})
    produced = [f"{number:016x}" for number in range(options.samples)]
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        model = build(Path(folder) / "tiny")
        for seed in options.seeds:
            rng = random.Random(seed)
            schedule = sorted(rng.sample(range(SAVE_STEPS + 1, options.samples // BATCH), KILLS))
            for name in ("pelton", "plain_trl"):
                home = Path(folder) / f"{name}-{seed}"
                home.mkdir()
                with broker_with_samples(home / "broker", options.samples) as settings:
                    if name == "pelton":
                        seen, recovery = drive_pelton(settings, home, model, schedule)
                    else:
                        seen, recovery = drive_plain(settings, home / "run", model, schedule), []
                counts = account(seen, produced)
                runs.append({"trainer": name, "seed": seed, "killed_at_steps": schedule, **counts, "recovery_s": recovery})
    result = {"samples": options.samples, "batch_size": BATCH, "checkpoint_steps": SAVE_STEPS, "kills": KILLS, "runs": runs}
    record.write(result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
