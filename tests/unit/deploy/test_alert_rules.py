"""Alerts, their cases and their runbook entries go together; queries ask for metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from scripts.dashboards import DASHBOARDS, RUNBOOK, path_of, written
from streams.metrics import FAMILIES

ROOT = Path(__file__).parents[3]
GROUPS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
CASES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.test.yml").read_text())["tests"]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

FUNCTIONS = {
    "absent", "and", "avg", "avg_over_time", "bool", "by", "count", "delta", "group_left", "histogram_quantile", "ignoring", "increase",
    "max", "min_over_time", "offset", "on", "or", "rate", "sum", "unless",
}  # fmt: skip
"""Words of PromQL that our queries use."""


def names_in(query: str) -> set[str]:
    """Metrics that a query asks for."""
    query = re.sub(r'"[^"]*"', "", query)
    query = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|ignoring|group_left)\s*\([^)]*\)", " ", query)
    return {
        word for word in re.findall(r"[a-zA-Z_][a-zA-Z0-9_:]*", query) if word not in FUNCTIONS and not re.fullmatch(r"[0-9.]*[hmse]", word)
    }


def is_there(name: str) -> bool:
    base = re.sub("_(bucket|sum|count)$", "", name)
    return name in RECORDED or name in FAMILIES or name == "up" or (base in FAMILIES and FAMILIES[base].kind == "histogram")


QUERIES = [rule["expr"] for rule in RULES] + [query for panels in DASHBOARDS.values() for panel in panels for query, _ in panel.queries]


def test_every_query_of_a_rule_or_panel_asks_for_declared_metrics():
    asked = {name for query in QUERIES for name in names_in(query)}
    assert {name for name in asked if not is_there(name)} == set()
    assert len(asked) > 40, "names are found at all"


def test_a_name_that_nobody_declares_is_noticed():
    assert [
        name for name in names_in('sum by (a) (rate(pelton_not_there_total{b="c"}[5m])) > 0.5 * training_loss') if not is_there(name)
    ] == ["pelton_not_there_total"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_follows_and_what_to_do_and_links_its_runbook_entry(name):
    notes = ALERTS[name]["annotations"]
    assert set(notes) == {"summary", "description", "consequence", "action", "runbook_url"}
    assert all(notes.values())
    assert notes["runbook_url"] == RUNBOOK + name.lower()
    assert ALERTS[name]["labels"]["severity"] in ("page", "warn")


def test_each_alert_has_a_firing_and_a_silent_case_and_no_case_is_of_an_alert_that_there_is_not():
    found = {(kind, name) for kind, name in (case["name"].split() for case in CASES)}
    assert found == {(kind, name) for name in ALERTS for kind in ("firing", "silent")}
    for case in CASES:
        kind, name = case["name"].split()
        (test,) = case["promql_expr_test"]
        assert f'alertname="{name}"' in test["expr"]
        assert bool(test["exp_samples"]) == (kind == "firing")


def test_each_alert_has_a_runbook_entry_with_something_to_type_and_each_entry_an_alert():
    entries = dict(re.findall(r"^### (Pelton\w+)\n(.*?)(?=^##)", OPERATIONS, re.MULTILINE | re.DOTALL))
    assert set(entries) == set(ALERTS)
    assert [name for name, text in entries.items() if "```sh\n" not in text] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_s_file_is_what_is_declared_and_its_links_lead_to_alerts(name):
    assert path_of(name).read_text() == written(name)
    assert {alert for panel in DASHBOARDS[name] for alert in panel.alerts} <= set(ALERTS)
