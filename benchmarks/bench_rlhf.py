"""What reinforcement by the graph's rewards teaches, and what games it: policies, algorithms, rates and seeds, through the product itself.

Each arm is a run of `pelton train` with its own curriculum and feedback workers, on topics of its own, on one embedded Apache Kafka;
several run side by side. The questions are those of `rlhf_questions`. Before and after training all held-out prompts are answered greedily
and judged by the arm's own worker; `exact` (a gold string stands in the answer) knows nothing of policies.

    --stage screen         the five policies by GRPO at 4e-4, two seeds
    --stage finalists      `ternary` and `coverage` by GRPO and PPO at 1e-4, 2e-4 and 4e-4
    --stage default        `--policy` by both, three rates, three seeds, both domains, prompts as they come
    --stage longer         the same over three passes, at the lower rates
    --stage dpo            DPO on pairs that the feedback worker makes of eight sampled answers to each prompt, and sends back
    --stage sft-then-grpo  a short SFT on a part of the facts and on answers that abstain, then GRPO from its checkpoint
    --stage needless       the same with few answers that abstain, and less or more taken off where that is needless
    --stage refill         GRPO with groups without spread replaced, with bands as arms, with both, with neither, with no order
    --stage try            one run; with `--only TEXT` the arms of any stage whose names contain it
    --stage ceiling        no training: of 16 sampled answers to each question never asked, is one right?

With `--part I/N` a process makes each Nth arm: one for each of several devices, each with an `--out` of its own; `merged.py` joins them.
`python benchmarks/bench_rlhf.py --stage dpo --model FOLDER --at-once 5 --budget-s 400` is made to fit into ten minutes of one card: what is
done when it is stopped is kept, and the same command later does the rest.

Arms that the result file, or the kept one, has are not run again; no arm is begun after `--budget-s`. Raw judgements of held-out prompts
go to the file beside the result, `bench_rlhf_answers.jsonl.gz`: prompt, phase, exact, claims (all, verified, contradicted), whether it
answers, whether it abstains, the policy's value.

Run: `python benchmarks/bench_rlhf.py --stage screen --model FOLDER [--at-once 5] [--budget-s 500] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from benchmarks import rlhf_questions  # noqa: E402
from benchmarks.record import RESULTS, Record  # noqa: E402
from benchmarks.rlhf_arms import POLICIES, STAGES, TAUGHT, Arm, arms, judging, of_workers, teaching, training, words  # noqa: E402
from benchmarks.rlhf_questions import Questions, questions  # noqa: E402

SHOWN = 20
"""Answers of each phase that are kept as text."""
LOOK_S = 1.0
_writing = threading.Lock()


def main() -> None:
    """Run the arms of a stage, and keep each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=STAGES, default=["try"], nargs="+", help="one or more, begun in this order")
    parser.add_argument("--part", default="0/1", metavar="I/N", help="of the arms every Nth, from the Ith on")
    parser.add_argument("--only", default="", help="arms whose names contain this; with --stage try, of all stages")
    parser.add_argument("--policy", choices=POLICIES, default="ternary", help="of the stages that compare none")
    parser.add_argument("--model", default="default")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--budget-s", type=float, default=1e9)
    parser.add_argument("--prompts", type=int, default=1152, help="trained on, where there are so many")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--held", type=int, default=420)
    parser.add_argument("--never", type=int, default=200)
    parser.add_argument("--none", type=int, default=60)
    parser.add_argument("--bits", type=int, default=16)
    parser.add_argument("--keep", type=Path, help="folder for logs and runs; else they are deleted")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if Path(arguments.model).is_dir():
        arguments.model = Path(arguments.model)
    record = Record("bench_rlhf", arguments, {"questions": 27})
    if arguments.stage == ["ceiling"]:
        record.keep(ceiling(arguments), key=key_of)
        return
    kept = [path for path in (record.path, RESULTS / "bench_rlhf.json") if path.exists()]
    done = {key_of(run) for path in kept for run in json.loads(path.read_text(encoding="utf-8"))["runs"]}
    wanted = [arm for arm in asked_for(arguments) if arm.name not in done]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, _broker(Path(scratch)) as servers, ThreadPoolExecutor(arguments.at_once) as pool:

        def one(arm: Arm) -> None:
            if time.monotonic() - began < arguments.budget_s:
                _keep(record, Run(arm, arguments, servers, (arguments.keep or Path(scratch)) / arm.name).result())

        for _ in pool.map(_told(one), wanted):
            pass


def asked_for(arguments: argparse.Namespace) -> list[Arm]:
    """The arms of the stages, or of all, by name."""
    everywhere = arguments.stage == ["try"] and arguments.only
    found = [arm for stage in (STAGES if everywhere else arguments.stage) for arm in arms(stage, arguments.policy)]
    first, every = map(int, arguments.part.split("/"))
    return [arm for arm in dict.fromkeys(found) if arguments.only in arm.name][first::every]


def _told(one: Any) -> Any:
    """An arm that fails is told, and the others go on."""

    def tried(arm: Arm) -> None:
        try:
            one(arm)
        except Exception as error:  # noqa: BLE001 - the next arm is worth as much
            print(f"{arm.name} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)

    return tried


def key_of(run: dict[str, Any]) -> object:
    """What tells runs apart."""
    return run["name"]


def _keep(record: Record, result: dict[str, Any]) -> None:
    rows = result.pop("rows")
    with _writing:
        record.keep(result, key=key_of)
        path = record.path.with_name(record.path.stem + "_answers.jsonl.gz")
        with path.open("ab") as file:  # a member of its own, written at once: a run that is killed leaves whole ones
            file.write(gzip.compress((json.dumps({"name": result["name"], "rows": rows}) + "\n").encode()))
        print(json.dumps({"name": result["name"], **result["summary"], "seconds": result["seconds"]}), flush=True)


class _broker:  # noqa: N801 - used as a function
    """One embedded broker for all arms."""

    def __init__(self, folder: Path) -> None:
        from streams.kafka.embedded import EmbeddedBroker

        self._broker = EmbeddedBroker(folder / "broker")

    def __enter__(self) -> str:
        self._broker.start()
        return self._broker.bootstrap_servers

    def __exit__(self, *_: object) -> None:
        self._broker.stop()


class Run:
    """One arm: its topics, its workers, its trainer, and what came of it."""

    def __init__(self, arm: Arm, arguments: argparse.Namespace, servers: str, folder: Path) -> None:
        from streams.kafka.settings import KafkaSettings

        self.arm, self.arguments, self.folder = arm, arguments, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = KafkaSettings(bootstrap_servers=servers, topic_prefix=f"{arm.name}.")
        self.questions: Questions = questions(arm.domain, arguments.held, arguments.never, arguments.none, arguments.prompts)

    def result(self) -> dict[str, Any]:
        """Train, and count."""
        from streams.kafka.admin import create_topics
        from streams.supervisor import Supervisor

        began = time.monotonic()
        create_topics(self.settings, self.settings.topics).raise_if_wrong()
        self._produce(self.questions.held_out, self.questions.facts)
        ontology = self.folder / "ontology.yaml"
        ontology.write_text(yaml.safe_dump(self.questions.ontology, sort_keys=False, allow_unicode=True), encoding="utf-8")
        with Supervisor(
            [sys.executable, "-m", "cli.main"], self.folder / "logs", lambda line: print(self.arm.name, line, file=sys.stderr)
        ) as nodes:
            self._start_workers(nodes, ontology)
            begins = self._taught(nodes) if self.arm.way in TAUGHT else []
            self._produce(self.questions.train)
            flags = training(self.arm, self.arguments, self.folder / "run", len(self.questions.held_out), len(self.questions.train))
            self._train(nodes, "trainer", [*flags, *begins])
        return self._counted() | {"seconds": round(time.monotonic() - began, 1)}

    def _produce(self, samples: Iterable[Any], facts: Iterable[Any] = ()) -> None:
        from streams.kafka.producer import Producer

        topics = self.settings.topics
        with Producer(self.settings) as producer:
            for fact in facts:
                producer.send(topics.facts, fact.fact_id, fact)
            for sample in samples:
                producer.send(topics.samples, sample.sample_id, sample)

    def _start_workers(self, nodes: Any, ontology: Path) -> None:
        own = [*words(of_workers(self.arm)), "--ontology", str(ontology), "--metrics-port", "0", *self._broker_flags()]
        nodes.start("curriculum", ["worker", "curriculum", *own, "--state-dir", str(self.folder / "curriculum")])
        nodes.start("feedback", ["worker", "feedback", *own, "--state-dir", str(self.folder / "feedback"), *judging(self.arm)])

    def _taught(self, nodes: Any) -> list[str]:
        """Train on samples first; how the next run begins from what came of it."""
        self._produce(self.questions.taught[: rlhf_questions.TAUGHT + TAUGHT[self.arm.way]])
        run = self.folder / "taught"
        self._train(nodes, "teacher", teaching(self.arm, self.arguments, run, len(self.questions.held_out)))
        return ["--from-checkpoint", str(max((run / "checkpoints").iterdir(), key=lambda path: path.stat().st_mtime))]

    def _train(self, nodes: Any, name: str, flags: list[str]) -> None:
        node = nodes.start(name, ["train", *flags, "--until-consumed", *self._broker_flags()], may_end=True, stop_s=60.0)
        while not node.ended:
            nodes.check()
            _raise_if_restarted(nodes)
            time.sleep(LOOK_S)

    def _broker_flags(self) -> list[str]:
        return ["--bootstrap-servers", self.settings.bootstrap_servers, "--topic-prefix", self.settings.topic_prefix]

    # --- what came of it ---------------------------------------------------------------------------------------------------------------

    def _counted(self) -> dict[str, Any]:
        from schemas.graph_reward import GraphReward
        from streams.kafka.consumer import read_range

        judged = {
            (one.run_id, one.output_id): one
            for one in map(GraphReward.decode, (r.value for r in read_range(self.settings, self.settings.topics.rewards.name)))
        }
        first = {phase: [one for one in judged.values() if one.phase == phase] for phase in ("before", "train", "after")}
        phases = {phase: [one for one in found if one.run_id == self.arm.name] for phase, found in first.items()}
        if self.arm.way in TAUGHT:  # the one after the first run is what the second begins with
            phases |= {"taught": phases["before"], "before": [one for one in first["before"] if one.run_id != self.arm.name]}
        measures = {
            phase: {kind: measured(_of(kind, found)) for kind in ("held", "never", "none")}
            for phase, found in phases.items()
            if phase != "train"
        }
        asked = {phase: sorted(phases[phase], key=lambda one: one.prompt_id) for phase in measures}
        shown = [one for found in asked.values() for kind in ("held", "never", "none") for one in _of(kind, found)[:SHOWN]]
        return {
            "name": self.arm.name, "arm": self.arm._asdict(), "summary": _summary(measures), "measures": measures,
            "steps": list(_by_step(phases["train"])), "notes": self._notes(), "reward_wait": waiting(self.folder / "run"),
            "answers": [[one.prompt, one.completion, one.reward, one.value] for one in shown],
            "rows": [_row(one, phase) for phase, found in asked.items() for one in found],
        }  # fmt: skip

    def _notes(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((self.folder / "run").glob("trainer-e*.json"))]


def waiting(run: Path) -> dict[str, float] | None:
    """Seconds of a run's steps, and those of them in which it waited for rewards; None where it waited for none."""
    from trainer_node.commit.history import read_history

    rows = read_history(run).to_pylist()
    seconds = {row["step"]: row["value"] for row in rows if row["name"] == "seconds"}
    waited = {row["step"]: row["value"] for row in rows if row["name"] == "reward_wait_seconds"}
    both = sorted(seconds.keys() & waited.keys())[1:]  # the first step warms up
    if not both:
        return None
    return {"steps": len(both), "seconds": sum(seconds[step] for step in both), "waited": sum(waited[step] for step in both)}


def _raise_if_restarted(nodes: Any) -> None:
    """A node that died makes an arm worth nothing: the next should not wait for it."""
    for node in nodes.nodes.values():
        if node.restarted:
            raise RuntimeError(f"{node.name} died: {node.log_path.read_text(encoding='utf-8')[-600:]}")


def _of(kind: str, rewards: Iterable[Any]) -> list[Any]:
    return [one for one in rewards if one.prompt_id.startswith(f"{kind}-")]


def _row(one: Any, phase: str) -> list[Any]:
    return [one.prompt_id, phase, one.exact, one.total, one.verified, one.contradicted, one.answers_question, one.abstained, one.value]


def measured(rewards: list[Any]) -> dict[str, float | None]:
    """Shares of the prompts of one kind; `reward` and `value` over those that have one, `wrong_of_claims` over all claims,
    `wrong_of_judged` over those that the graph verifies or contradicts."""
    claims = sum(one.total for one in rewards)
    known = sum(one.verified + one.contradicted for one in rewards)
    return {
        "prompts": len(rewards),
        "exact": _mean([one.exact for one in rewards if one.exact is not None]),
        "reward": _mean([one.reward for one in rewards if one.reward is not None]),
        "value": _mean([one.learnt_from for one in rewards if one.learnt_from is not None]),
        "wrong_of_claims": round(sum(one.contradicted for one in rewards) / claims, 4) if claims else None,
        "wrong_of_judged": round(sum(one.contradicted for one in rewards) / known, 4) if known else None,
        "contradicted": _mean([one.contradicted > 0 for one in rewards]),
        "abstained": _mean([bool(one.abstained) for one in rewards]),
        "answers": _mean([bool(one.answers_question) for one in rewards]),
        "claims": _mean([one.total for one in rewards]),
        "distinct": round(len({one.completion for one in rewards}) / len(rewards), 4) if rewards else None,
    }  # fmt: skip


def _mean(values: list[Any]) -> float | None:
    return round(mean(map(float, values)), 4) if values else None


def _summary(measures: dict[str, Any]) -> dict[str, Any]:
    """The lines of the table: before, after samples where there were any, and after."""
    wanted = (
        ("held", "reward"),
        ("held", "exact"),
        ("never", "exact"),
        ("held", "wrong_of_claims"),
        ("held", "wrong_of_judged"),
        ("held", "answers"),
        ("held", "abstained"),
        ("none", "abstained"),
    )
    return {f"{kind}_{name}": [measures[phase][kind][name] for phase in measures] for kind, name in wanted}


def _by_step(rewards: list[Any]) -> Iterator[dict[str, Any]]:
    """Of each step's sampled answers: what they earned, and what kind of answers they were."""
    steps: dict[int, list[Any]] = {}
    for one in rewards:
        steps.setdefault(int(one.model_version.rsplit("/", 1)[1]), []).append(one)
    for step, found in sorted(steps.items()):
        yield {"step": step, **{name: value for name, value in measured(found).items() if name not in ("prompts",)}}


def ceiling(arguments: argparse.Namespace) -> dict[str, Any]:
    """Of the untrained model: greedy, and whether one of 16 sampled answers is right."""
    from feedback_node.reward import holds_gold
    from trainer_node.models.engine import GREEDY, Sampling, engine_of, key_of
    from trainer_node.models.loader import load_model

    times = 16
    loaded = load_model(arguments.model, arguments.bits, backend="hf")
    found: dict[str, Any] = {}
    for domain in ("countries", "works"):
        asked = [one for one in questions(domain, arguments.held, arguments.never, arguments.none).held_out if one.gold]
        tokens = [
            loaded.tokenizer.apply_chat_template([{"role": "user", "content": one.prompt}], add_generation_prompt=True)["input_ids"]
            for one in asked
        ]
        engine = engine_of(loaded.model, loaded.tokenizer)

        def right(answers: Any, prompts: list[Any]) -> list[bool]:
            texts = loaded.tokenizer.batch_decode([answer.tokens for answer in answers], skip_special_tokens=True)
            return [bool(holds_gold(text, one.gold)) for text, one in zip(texts, prompts, strict=True)]

        greedy = right(engine.answer(tokens, 40, GREEDY), asked)
        many = [one for one in asked for _ in range(times)]
        keys = [key_of("ceiling", n // times, n % times) for n in range(len(many))]
        sampled = right(engine.answer([row for row in tokens for _ in range(times)], 40, Sampling(1.0), keys), many)
        best = [any(sampled[n * times : (n + 1) * times]) for n in range(len(asked))]
        for kind in ("held", "never"):
            mine = [n for n, one in enumerate(asked) if one.sample_id.startswith(kind)]
            found[f"{domain} {kind}"] = {
                "prompts": len(mine), "greedy": _mean([greedy[n] for n in mine]), "best_of_16": _mean([best[n] for n in mine]),
                "mean_of_16": _mean([sampled[n * times + i] for n in mine for i in range(times)]),
            }  # fmt: skip
    print(json.dumps(found))
    return {"name": "ceiling", "summary": found}


if __name__ == "__main__":
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    main()
