"""Pelton runs from a folder that nothing was installed from, and says so."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from cli.diagnoses import packages
from schemas import version as of_schemas
from streams import metrics


@pytest.fixture
def not_installed(monkeypatch):
    def refuse(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(of_schemas, "version", refuse)


def test_what_is_installed_says_its_version():
    assert of_schemas.own_version() == version("pelton")


@pytest.mark.usefixtures("not_installed")
def test_a_node_that_was_not_installed_serves_its_metrics_all_the_same():
    with metrics.start_metrics("feedback", 0) as server:
        assert server.port > 0


@pytest.mark.usefixtures("not_installed")
def test_the_doctor_says_that_pelton_was_not_installed_and_what_to_type():
    (finding,) = packages()
    assert "not installed" in finding.told
    assert "pip install" in finding.todo
