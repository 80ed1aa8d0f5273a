"""The Grafana dashboards, declared here: `python -m scripts.dashboards` writes `deploy/grafana/dashboards`, with `--check` compares them.

Plain JSON of Grafana's schema 39 (Grafana 11), without a library: a panel is a title, a unit and queries. Every query is compared with the
declared metrics, and asked of a real Prometheus, by tests.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOK = "docs/operations.md#"
WIDTH, HEIGHT = 8, 8
"""Of a panel, on Grafana's grid of 24."""


@dataclass(frozen=True)
class Panel:
    """One graph."""

    title: str
    about: str
    """What it shows and what is healthy."""
    unit: str
    """Grafana's id of it."""
    queries: tuple[tuple[str, str], ...]
    """Expression and legend of each."""
    limits: tuple[tuple[float, str], ...] = ()
    """From which value on which colour."""
    alerts: tuple[str, ...] = ()
    """Alerts that look at the same; linked to their runbook entries."""


RUN = 'run_id=~"$run"'
TRAINING = (
    Panel("Loss", "Of the last step; samples in nats per token.", "none", ((f"training_loss{{{RUN}}}", "{{run_id}} {{objective}}"),),
          alerts=("PeltonLossDiverging", "PeltonLossNotFinite")),
    Panel("Evaluation", "val_metric, and the best so far.", "none",
          ((f"val_metric{{{RUN}}}", "{{run_id}} {{objective}}"), (f"pelton_val_metric_best{{{RUN}}}", "best {{run_id}} {{objective}}")),
          alerts=("PeltonEvaluationWorse",)),
    Panel("Scores", "All that evaluations measure.", "none", ((f"pelton_val_score{{{RUN}}}", "{{objective}} {{score}}"),)),
    Panel("Samples a second", "Trained; each pass counts.", "cps",
          ((f"run_objective:pelton_samples_trained:rate5m{{{RUN}}}", "{{run_id}} {{objective}}"),), alerts=("PeltonTrainerStarved",)),
    Panel("Tokens a second", "Tokens that carried loss, and tokens generated.", "cps",
          ((f"run_objective:pelton_tokens_trained:rate5m{{{RUN}}}", "trained {{run_id}} {{objective}}"),
           ("rate(pelton_generation_tokens_total[5m])", "generated {{purpose}}"))),
    Panel("Step", "Mean seconds of a step, and the share of time without anything to train.", "s",
          ((f"run_objective:pelton_step_seconds:mean5m{{{RUN}}}", "step {{run_id}} {{objective}}"),
           (f"run:pelton_data_wait:ratio5m{{{RUN}}}", "waiting {{run_id}}"))),
    Panel("Accelerator memory", "Reserved by the trainer, and its cap.", "bytes",
          ((f"gpu_vram_bytes{{{RUN}}}", "{{run_id}}"), (f"pelton_gpu_vram_cap_bytes{{{RUN}}}", "cap {{run_id}}")),
          alerts=("PeltonVramOverCap",)),
    Panel("Pass and open bands", "Where the curriculum stands.", "none",
          ((f"pelton_pass_number{{{RUN}}}", "pass {{run_id}} {{objective}}"),
           (f"pelton_open_bands{{{RUN}}}", "bands {{run_id}} {{objective}}"))),
    Panel("Steps and learning rate", "Optimizer steps taken, and steps that no checkpoint has.", "none",
          ((f"pelton_training_step{{{RUN}}}", "step {{run_id}}"), (f"pelton_steps_since_checkpoint{{{RUN}}}", "uncommitted {{run_id}}"))),
    Panel("Checkpoint age", "Grows between commits, and while nothing is trained.", "s",
          ((f"pelton_checkpoint_age_seconds{{{RUN}}}", "{{run_id}}"),),
          limits=((0, "green"), (1800, "orange"), (3600, "red")), alerts=("PeltonCheckpointOld", "PeltonCheckpointFailed")),
    Panel("Checkpoint time", "95th percentile of their seconds.", "s",
          ((f"histogram_quantile(0.95, sum by (run_id, le) (rate(pelton_checkpoint_seconds_bucket{{{RUN}}}[30m])))", "{{run_id}}"),)),
    Panel("Disk", "Room where nodes keep their folders, and the size of a checkpoint.", "bytes",
          (("pelton_disk_free_bytes", "free {{node}}"), (f"pelton_checkpoint_bytes{{{RUN}}}", "checkpoint {{run_id}}")),
          alerts=("PeltonDiskNearlyFull",)),
)  # fmt: skip
GROUP = 'consumergroup=~"$group"'
STREAMS = (
    Panel("Nodes that answer", "1 for each that Prometheus reaches.", "none", (('up{job="pelton"}', "{{kind}} {{instance}}"),),
          limits=((0, "red"), (1, "green")), alerts=("PeltonNodeDown", "PeltonNoData")),
    Panel("Broker", "1 where a node reaches it.", "none", (("pelton_broker_up", "{{node}}"),), limits=((0, "red"), (1, "green")),
          alerts=("PeltonBrokerAway",)),
    Panel("State of the readers", "Burrow's words; CLOSED is a band that pacing has not opened.", "none",
          ((f"count by (consumergroup, topic, status) (pelton_consumergroup_status{{{GROUP}}})",
            "{{status}} {{consumergroup}} {{topic}}"),),
          alerts=("PeltonReaderStopped", "PeltonLagStalled", "PeltonLagRewound")),
    Panel("Lag", "Offsets that a group has not committed.", "short",
          ((f"group_topic:kafka_consumergroup_lag:sum{{{GROUP}}}", "{{consumergroup}} {{topic}}"),), alerts=("PeltonLagGrowing",)),
    Panel("Lag in seconds", "Age of the oldest record not committed.", "s",
          ((f"max by (consumergroup, topic) (pelton_consumergroup_lag_seconds{{{GROUP}}})", "{{consumergroup}} {{topic}}"),),
          limits=((0, "green"), (600, "orange"), (3600, "red")), alerts=("PeltonRetentionNear", "PeltonRecordsLost")),
    Panel("Records a second", "In, and out.", "cps",
          (("sum by (node, topic) (rate(pelton_records_in_total[5m]))", "in {{node}} {{topic}}"),
           ("sum by (node, topic) (rate(pelton_records_out_total[5m]))", "out {{node}} {{topic}}"))),
    Panel("Dead letters in 15 minutes", "By node and reason.", "short",
          (("node_reason:pelton_dead_letters:increase15m", "{{node}} {{reason}}"),), limits=((0, "green"), (20, "red")),
          alerts=("PeltonDeadLetters",)),
    Panel("Paused producers and the breaker", "Sources put away, and bad records in a row of whom nothing tells who sent them.", "short",
          (("pelton_sources_paused", "paused at {{node}}"), ("pelton_breaker_bad_records", "in a row at {{node}}")),
          alerts=("PeltonSourcePaused", "PeltonBreaker")),
    Panel("What became of records", "At the trainer, as the ledger calls it.", "cps",
          (("sum by (run_id, outcome) (rate(pelton_records_done_total[5m]))", "{{run_id}} {{outcome}}"),)),
    Panel("Batch seconds", "Of the last batch of a worker.", "s", (("pelton_batch_seconds", "{{node}}"),)),
    Panel("Left alone", "Records skipped on purpose, by reason.", "cps",
          (("sum by (node, why) (rate(pelton_records_skipped_total[5m]))", "{{node}} {{why}}"),)),
    Panel("Members", "Of each group.", "short", ((f"kafka_consumergroup_members{{{GROUP}}}", "{{consumergroup}}"),)),
)  # fmt: skip
REWARDS = (
    Panel("Mean reward", "Of a step at the trainer, of the last 200 answers at feedback; late ones count nowhere.", "none",
          ((f"reward_avg{{{RUN}}}", "{{kind}} {{run_id}}"),), limits=((0, "red"), (0.4, "orange"), (0.7, "green")),
          alerts=("PeltonRewardLow", "PeltonRewardUpAnswersDown")),
    Panel("Hallucinations", "Contradicted claims among all claims of the last 200 answers.", "percentunit",
          ((f"pelton_hallucination_ratio{{{RUN}}}", "{{run_id}}"),), alerts=("PeltonRewardUpAnswersDown",)),
    Panel("Verdicts a second", "Distinct claims, by verdict.", "cps",
          ((f"sum by (run_id, verdict) (rate(pelton_verdicts_total{{{RUN}}}[5m]))", "{{run_id}} {{verdict}}"),)),
    Panel("From answer to reward", "95th percentile, at feedback.", "s",
          ((f"histogram_quantile(0.95, sum by (run_id, le) (rate(pelton_reward_seconds_bucket{{{RUN}}}[5m])))", "{{run_id}}"),)),
    Panel("Finding claims", "95th percentile of a batch.", "s",
          (("histogram_quantile(0.95, sum by (node, le) (rate(pelton_extraction_seconds_bucket[5m])))", "{{node}}"),)),
    Panel("Wait of a step for its rewards", "95th percentile, at the trainer.", "s",
          ((f"histogram_quantile(0.95, sum by (run_id, le) (rate(pelton_reward_wait_seconds_bucket{{{RUN}}}[5m])))", "{{run_id}}"),)),
    Panel("Late rewards", "Of those that the trainer waited for.", "percentunit",
          ((f"run:pelton_rewards_late:ratio15m{{{RUN}}}", "{{run_id}}"),), limits=((0, "green"), (0.2, "red")),
          alerts=("PeltonRewardsLate",)),
    Panel("Staleness", "Optimizer steps between the newest model that answered and the oldest of the last batch.", "short",
          ((f"pelton_output_staleness_steps{{{RUN}}}", "{{run_id}}"),)),
    Panel("What answers are like", "Of a policy's last step: shares 0 to 1, and whether it games its reward.", "percentunit",
          ((f'pelton_answer_figure{{{RUN}, figure!~"claims|tokens|kl"}}', "{{run_id}} {{figure}}"),
           (f"pelton_reward_hacking{{{RUN}}}", "hacking {{run_id}}")), alerts=("PeltonRewardHacking",)),
    Panel("Claims, tokens and KL", "Of an answer, in a policy's last step; KL in nats.", "short",
          ((f'pelton_answer_figure{{{RUN}, figure=~"claims|tokens|kl"}}', "{{run_id}} {{figure}}"),)),
    Panel("Prompts without spread a minute", "All answers earned the same: nothing is learnt from them.", "cpm",
          ((f"60 * sum by (run_id) (rate(pelton_flat_groups_total{{{RUN}}}[5m]))", "{{run_id}}"),)),
    Panel("Preference pairs a minute", "Sent back to the stream.", "cpm",
          ((f"60 * sum by (run_id) (rate(pelton_preference_pairs_total{{{RUN}}}[5m]))", "{{run_id}}"),)),
)  # fmt: skip
DASHBOARDS = {"Training": TRAINING, "Streams": STREAMS, "Rewards": REWARDS}
VARIABLES = {"Training": ("run", "training_loss", "run_id"), "Rewards": ("run", "reward_avg", "run_id"),
             "Streams": ("group", "kafka_consumergroup_members", "consumergroup")}  # fmt: skip
"""Of each dashboard: the variable that chooses, and the metric and label that it has its values of."""


def dashboard(name: str) -> dict[str, Any]:
    """A dashboard as Grafana imports it."""
    variable, metric, label = VARIABLES[name]
    chosen = {
        "name": variable, "label": variable, "type": "query", "datasource": DATASOURCE, "query": f"label_values({metric}, {label})",
        "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip
    return {
        "uid": f"pelton-{name.lower()}", "title": f"Pelton: {name}", "tags": ["pelton"], "schemaVersion": 39, "version": 1,
        "editable": True,
        "timezone": "browser", "refresh": "30s", "time": {"from": "now-3h", "to": "now"}, "graphTooltip": 1,
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}, chosen]},
        "links": [{"title": "Other dashboards", "type": "dashboards", "tags": ["pelton"], "asDropdown": True}],
        "panels": [_panel(number, panel) for number, panel in enumerate(DASHBOARDS[name])],
    }  # fmt: skip


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    steps = [{"color": colour, "value": None if place == 0 else value} for place, (value, colour) in enumerate(panel.limits)]
    return {
        "id": number + 1, "type": "timeseries", "title": panel.title, "description": panel.about, "datasource": DATASOURCE,
        "gridPos": {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps or [{"color": "green", "value": None}]},
                "custom": {"thresholdsStyle": {"mode": "dashed" if steps else "off"}, "showPoints": "never", "spanNulls": False},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "links": [{"title": f"What to do: {alert}", "url": RUNBOOK + alert.lower(), "targetBlank": True} for alert in panel.alerts],
        "targets": [
            {"refId": chr(65 + place), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip


def written(name: str) -> str:
    """A dashboard's file."""
    return json.dumps(dashboard(name), indent=1) + "\n"


def path_of(name: str) -> Path:
    """Where it stands."""
    return FOLDER / f"{name.lower()}.json"


def main() -> None:
    """Write the dashboards, or with `--check` say whether they are as declared."""
    for name in DASHBOARDS:
        path = path_of(name)
        if "--check" not in sys.argv[1:]:
            path.write_text(written(name), encoding="utf-8")
        elif path.read_text(encoding="utf-8") != written(name):
            sys.exit(f"{path} is not what scripts/dashboards.py says: run `make schemas`")


if __name__ == "__main__":
    main()
