"""All metrics, declared once: name, unit, labels, and which kinds of nodes have them. `docs/metrics.md` is made of this.

All carry labels, so that a gauge that nobody set does not appear as 0. Labels are bounded: values that come from messages go through
`runs.RunSeries`, or are of a closed list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from schemas.errors import DeadLetterReason

TRAINER = ("trainer",)
FEEDBACK = ("feedback",)
WORKERS = ("curriculum", "augmenter", "feedback")
NODES = (*WORKERS, "trainer")
LAG = ("lag",)
"""The lag exporter: `pelton lag --serve`."""

Metric = TypeVar("Metric", bound=MetricWrapperBase)


@dataclass(frozen=True)
class Family:
    """One metric and who has it."""

    metric: MetricWrapperBase | None
    """None of what is collected anew at each look (`lag_exporter`)."""
    name: str
    """As a query has it: a counter's with `_total`, a histogram's without `_bucket`."""
    kind: str
    """`gauge`, `counter` or `histogram`."""
    text: str
    labels: tuple[str, ...]
    nodes: tuple[str, ...]
    """Kinds of nodes that expose it."""


FAMILIES: dict[str, Family] = {}
"""By the name that queries have."""


def _declare(kind: type[Metric], name: str, text: str, labels: tuple[str, ...], nodes: tuple[str, ...], **more: Any) -> Metric:
    metric = kind(name, text, labels, **more)
    asked = f"{name}_total" if kind is Counter else name
    FAMILIES[asked] = Family(metric, asked, kind.__name__.lower(), text, labels, nodes)
    return metric


def collected(name: str, text: str, labels: tuple[str, ...], nodes: tuple[str, ...] = LAG) -> Family:
    """Declare a gauge whose series are made anew at each look."""
    FAMILIES[name] = Family(None, name, "gauge", text, labels, nodes)
    return FAMILIES[name]


RUN, OBJECTIVE = ("run_id",), ("run_id", "objective")

TRAINING_LOSS = _declare(
    Gauge, "training_loss", "Loss of the last optimizer step; of samples, in nats per completion token", OBJECTIVE, TRAINER
)
VAL_METRIC = _declare(Gauge, "val_metric", "Value of the validation metric at the last evaluation", OBJECTIVE, TRAINER)
GPU_VRAM_BYTES = _declare(Gauge, "gpu_vram_bytes", "Accelerator memory reserved by the trainer, in bytes", RUN, TRAINER)
REWARD_AVG = _declare(
    Gauge, "reward_avg", "Mean of the last rewards that are not None, 0 to 1: of a step at the trainer, of 200 answers at feedback", RUN,
    (*FEEDBACK, *TRAINER),
)  # fmt: skip

TRAINING_STEP = _declare(Gauge, "pelton_training_step", "Optimizer steps taken", RUN, TRAINER)
LEARNING_RATE = _declare(Gauge, "pelton_learning_rate", "Learning rate of the last optimizer step", OBJECTIVE, TRAINER)
SAMPLES_TRAINED = _declare(Counter, "pelton_samples_trained", "Samples trained; each pass counts", OBJECTIVE, TRAINER)
TOKENS_TRAINED = _declare(
    Counter, "pelton_tokens_trained", "Tokens that carried loss, of samples and pairs; what a policy is trained on are generated tokens",
    OBJECTIVE, TRAINER,
)  # fmt: skip
STEP_SECONDS = _declare(
    Histogram, "pelton_step_seconds", "Seconds of an optimizer step, without the wait for its samples", OBJECTIVE, TRAINER,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)  # fmt: skip
STEPS_UNDONE = _declare(Counter, "pelton_steps_undone", "Optimizer steps undone because their loss was no finite number", RUN, TRAINER)
DATA_WAIT = _declare(Counter, "pelton_data_wait_seconds", "Seconds for which the trainer had nothing to train", RUN, TRAINER)
PASS_NUMBER = _declare(Gauge, "pelton_pass_number", "Pass over an objective's bands, from 1", OBJECTIVE, TRAINER)
OPEN_BANDS = _declare(Gauge, "pelton_open_bands", "Difficulty bands that pacing has opened, 1 to 5", OBJECTIVE, TRAINER)
TRUNCATED_SAMPLES = _declare(Counter, "pelton_truncated_samples", "Samples longer than model or --max-seq allow, and cut", RUN, TRAINER)
ADAPTED_SAMPLES = _declare(
    Counter, "pelton_adapted_samples", "Samples whose turns were changed for the model's chat template", ("run_id", "rule"), TRAINER
)
RECORDS_DONE = _declare(
    Counter, "pelton_records_done", "Records of the bands by what became of them, as the ledger calls it", ("run_id", "outcome"), TRAINER
)
VAL_SCORE = _declare(
    Gauge, "pelton_val_score", "What was measured at the last evaluation: val_loss (nats per token), val_accuracy (0 to 1) and others",
    ("run_id", "objective", "score"), TRAINER,
)  # fmt: skip
VAL_METRIC_BEST = _declare(Gauge, "pelton_val_metric_best", "Best val_metric so far, of what it measures now", OBJECTIVE, TRAINER)
EVALUATIONS_SINCE_BEST = _declare(
    Gauge, "pelton_evaluations_since_best", "Evaluations in a row that were not better than the best one", OBJECTIVE, TRAINER
)
GPU_VRAM_CAP_BYTES = _declare(
    Gauge, "pelton_gpu_vram_cap_bytes", "What gpu_vram_bytes should stay below: --vram-cap-gib, else 95 % of the device", RUN, TRAINER
)
CHECKPOINT_AGE = _declare(Gauge, "pelton_checkpoint_age_seconds", "Seconds since the newest checkpoint was made", RUN, TRAINER)
STEPS_SINCE_CHECKPOINT = _declare(
    Gauge, "pelton_steps_since_checkpoint", "Optimizer steps that no checkpoint has: as stale is what inference servers answer with", RUN,
    TRAINER,
)  # fmt: skip
CHECKPOINT_SECONDS = _declare(
    Histogram, "pelton_checkpoint_seconds", "Seconds in which a checkpoint was written", RUN, TRAINER,
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)  # fmt: skip
CHECKPOINT_BYTES = _declare(Gauge, "pelton_checkpoint_bytes", "Size of the newest checkpoint's files, in bytes", RUN, TRAINER)
CHECKPOINTS = _declare(Counter, "pelton_checkpoints", "Checkpoints by result: ok or failed", ("run_id", "result"), TRAINER)
GENERATION_TOKENS = _declare(
    Counter, "pelton_generation_tokens", "Tokens that rank 0 generated, by purpose: train or evaluate", ("purpose",), TRAINER
)
REWARD_VALUE_AVG = _declare(
    Gauge, "pelton_reward_value_avg", "Mean of what the policy gave a step's answers: R, unless the policy has a number of its own", RUN,
    TRAINER,
)  # fmt: skip
SAMPLING_GAP_NATS = _declare(
    Gauge, "pelton_sampling_gap_nats", "Mean distance of a token's log-probability as it was sampled and as it is trained on", RUN, TRAINER
)
SAMPLING_RATIO_OUTSIDE = _declare(
    Gauge, "pelton_sampling_outside_ratio", "Sampled tokens, 0 to 1, whose two probabilities have a ratio outside 0.8 to 1.25", RUN, TRAINER
)
REWARDS_ASKED = _declare(Counter, "pelton_rewards_asked", "Rewards that the trainer waited for", RUN, TRAINER)
REWARDS_LATE = _declare(Counter, "pelton_rewards_late", "Rewards that did not come in time, and count as none", RUN, TRAINER)
REWARD_WAIT_SECONDS = _declare(
    Histogram, "pelton_reward_wait_seconds", "Seconds for which a step waited for its rewards, after its last answer", RUN, TRAINER,
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)  # fmt: skip
REWARD_FUNCTION_FAILURES = _declare(
    Counter, "pelton_reward_function_failures", "Steps in which a reward_fn raised, and answers for which it gave no finite number",
    ("run_id", "kind"), TRAINER,
)  # fmt: skip
ANSWER_FIGURE = _declare(
    Gauge, "pelton_answer_figure",
    "What the last step's answers were like, by figure: answers_question, exact, claims, tokens, distinct, flat_groups, unread,"
    " abstained, vague, without_facts, unrewarded, kl",
    ("run_id", "figure"), TRAINER,
)  # fmt: skip
FLAT_GROUPS = _declare(
    Counter, "pelton_flat_groups", "Prompts all of whose answers earned the same, so that nothing was learnt from them", RUN, TRAINER
)
REFILLED = _declare(Counter, "pelton_prompts_refilled", "Prompts asked by a step in the place of such (--refill)", RUN, TRAINER)
REWARD_HACKING = _declare(
    Gauge, "pelton_reward_hacking", "1 while the reward has risen and answers have got worse by what it does not pay for", RUN, TRAINER
)
RUN_INFO = _declare(
    Gauge, "pelton_run_info", "1: what the run trains, how, and on what", ("run_id", "model", "trainers", "backend", "device", "bits"),
    TRAINER,
)  # fmt: skip

HALLUCINATION_RATIO = _declare(
    Gauge, "pelton_hallucination_ratio", "Contradicted claims among all claims of a run's last 200 judged outputs, 0 to 1", RUN, FEEDBACK
)
VERDICTS = _declare(Counter, "pelton_verdicts", "Distinct claims judged, by verdict", ("run_id", "verdict"), FEEDBACK)
ANSWERS = _declare(
    Counter, "pelton_judged_answers",
    "Answers judged, by what was heard: answered, off_question, no_answerable, abstained, no_claims (what was said could not be read)",
    ("run_id", "heard"), FEEDBACK,
)  # fmt: skip
UNREAD_SENTENCES = _declare(Counter, "pelton_unread_sentences", "Sentences of judged answers in which no claim was found", RUN, FEEDBACK)
OUTPUT_STALENESS = _declare(
    Gauge, "pelton_output_staleness_steps",
    "Optimizer steps between the newest model that answered in a run and the oldest of the last batch",
    RUN, FEEDBACK,
)  # fmt: skip
EXTRACTION_SECONDS = _declare(
    Histogram, "pelton_extraction_seconds", "Seconds in which the claims of one batch of outputs were found", ("node",), FEEDBACK,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)  # fmt: skip
REWARD_SECONDS = _declare(
    Histogram, "pelton_reward_seconds", "Seconds from an output's creation to its judgement", RUN, FEEDBACK,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)  # fmt: skip
PREFERENCE_PAIRS = _declare(Counter, "pelton_preference_pairs", "Preference pairs sent", RUN, FEEDBACK)

RECORDS_IN = _declare(Counter, "pelton_records_in", "Records read", ("node", "topic"), WORKERS)
RECORDS_OUT = _declare(Counter, "pelton_records_out", "Records sent and acknowledged", ("node", "topic"), WORKERS)
RECORDS_SKIPPED = _declare(Counter, "pelton_records_skipped", "Records read and left alone on purpose", ("node", "why"), WORKERS)
VARIANTS = _declare(Counter, "pelton_variants", "Variants sent back, by how they were made", ("run_id", "recipe"), ("augmenter",))
VARIANT_UPLIFT = _declare(
    Gauge, "pelton_variant_uplift_nats",
    "Mean fall of a hard sample's loss after variants of a recipe, in nats, less the fall of as hard samples that got none",
    ("run_id", "recipe"), ("augmenter",),
)  # fmt: skip
FAMILIES_QUARANTINED = _declare(
    Gauge, "pelton_variant_families_quarantined", "Hard samples that variants have never helped, and that get no more", RUN, ("augmenter",)
)
CONVERSATIONS_CHANGED = _declare(
    Counter, "pelton_conversations_changed", "Conversations of which turns were left out", ("node", "why"), ("curriculum",)
)
BATCH_SECONDS = _declare(Gauge, "pelton_batch_seconds", "Seconds that the last batch took", ("node",), WORKERS)
OFFSETS_LOST = _declare(
    Counter, "pelton_offsets_lost", "Offsets that retention removed before this node had read them", ("node", "topic"), WORKERS
)
SOURCES_PAUSED = _declare(Gauge, "pelton_sources_paused", "Sources whose records are put away for now", ("node",), WORKERS)
SOURCE_PAUSED = _declare(
    Gauge, "pelton_source_paused", "1 for each source whose records are put away for now, most being bad; 20 at most, by name",
    ("node", "source"), WORKERS,
)  # fmt: skip
DEAD_LETTERS = _declare(Counter, "pelton_dead_letters", "Records dead-lettered, by reason", ("node", "reason"), NODES)
RECORDS_REFUSED = _declare(
    Counter, "pelton_records_refused", "Records refused for their signature: unsigned, stale or forged", ("node", "topic", "reason"), NODES
)
NODE_FIELDS_IGNORED = _declare(
    Counter, "pelton_node_fields_ignored", "Samples whose sender said what only our nodes may say; the fields were ignored",
    ("node",), ("curriculum",),
)  # fmt: skip
BREAKER_OPEN = _declare(Gauge, "pelton_breaker_open", "1 where all records are bad and the node stops", ("node",), NODES)
BREAKER_BAD_RECORDS = _declare(
    Gauge, "pelton_breaker_bad_records", "Bad records in a row, of whom nothing tells who sent them: 200 (50 after a start) stop the node",
    ("node",), NODES,
)  # fmt: skip
DISK_FREE_BYTES = _declare(Gauge, "pelton_disk_free_bytes", "Room on the disk of the run's, or the worker's, folder", ("node",), NODES)
DISK_SIZE_BYTES = _declare(Gauge, "pelton_disk_size_bytes", "Size of that disk", ("node",), NODES)
BROKER_UP = _declare(Gauge, "pelton_broker_up", "1 where the node reaches a broker, 0 where it does not", ("node",), (*NODES, *LAG))
BUILD_INFO = _declare(Gauge, "pelton_build_info", "1: versions of Pelton and Python", ("node", "version", "python"), (*NODES, *LAG))
INSTALLATION_INFO = _declare(
    Gauge, "pelton_installation_info", "1: the broker's address and the topics' prefix that the node was given",
    ("node", "broker", "topic_prefix"), NODES,
)  # fmt: skip

GROUP_PARTITION = ("consumergroup", "topic", "partition")
GROUP_LAG = collected(
    "kafka_consumergroup_lag", "Offsets from what a group committed to the end; -1 where it committed nothing there", GROUP_PARTITION
)
GROUP_OFFSET = collected("kafka_consumergroup_current_offset", "Offset that a group committed; -1 where it has none", GROUP_PARTITION)
GROUP_LAG_SUM = collected("kafka_consumergroup_lag_sum", "The lag of all partitions of a topic", ("consumergroup", "topic"))
GROUP_MEMBERS = collected("kafka_consumergroup_members", "Members of a group", ("consumergroup",))
TOPIC_END = collected("kafka_topic_partition_current_offset", "The offset after a partition's last record", ("topic", "partition"))
TOPIC_BEGIN = collected("kafka_topic_partition_oldest_offset", "The first offset that a partition still holds", ("topic", "partition"))
GROUP_SECONDS = collected(
    "pelton_consumergroup_lag_seconds", "Age of the oldest record that a group has not committed; 0 where none is left", GROUP_PARTITION
)
GROUP_STATUS = collected(
    "pelton_consumergroup_status", "1 for the word that `pelton lag` has for it: OK, CLOSED, WARN, STALL, STOP or REWIND",
    (*GROUP_PARTITION, "status"),
)  # fmt: skip
TOPIC_RETENTION = collected("pelton_topic_retention_seconds", "How long a topic keeps records; absent where for ever", ("topic",))


def registry_of(node: str) -> CollectorRegistry:
    """What one kind of node exposes: its own families, and those of its process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    for family in FAMILIES.values():
        if node in family.nodes and family.metric is not None:
            registry.register(family.metric)
    return registry


def forget_run(run_id: str) -> None:
    """A run has finished, or is too long silent: its series go away, so that an old value keeps no alert firing."""
    for family in FAMILIES.values():
        if family.metric is not None and "run_id" in family.labels:
            family.metric.remove_by_labels({"run_id": run_id})


def begin_dead_letters(node: str) -> None:
    """A counter of each reason, from 0: of one that appears with fifty, Prometheus sees no increase."""
    for reason in DeadLetterReason:
        DEAD_LETTERS.labels(node, reason.value)


def of_the_disk(folder: Path) -> dict[Gauge, Callable[[], float]]:
    """What is told of the disk that a folder is on; for `computed`."""
    return {DISK_FREE_BYTES: lambda: float(disk_usage(folder).free), DISK_SIZE_BYTES: lambda: float(disk_usage(folder).total)}


@contextmanager
def computed(values: Mapping[Gauge, Callable[[], float]], *labels: str) -> Iterator[None]:
    """For the length of a block, gauges of these labels have what these functions return at each look; called from the metrics' thread."""
    for gauge, value in values.items():
        gauge.labels(*labels).set_function(value)
    try:
        yield
    finally:
        for gauge in values:
            gauge.remove(*labels)
