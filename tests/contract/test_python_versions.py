"""Which versions of Python Pelton takes: pyproject decides, and set-up, CI, make and README say the same."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
ALLOWED = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
VERSIONS = [version for version in (f"3.{minor}" for minor in range(40)) if version in ALLOWED]


@pytest.fixture(scope="module")
def setup_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_set_up_takes_the_versions_that_pyproject_allows_and_refuses_others_in_one_line(setup_script: ModuleType) -> None:
    refusals = {}
    for minor in range(40):
        try:
            setup_script.check_python((3, minor, 1))
        except setup_script.SetupError as refusal:
            refusals[minor] = str(refusal)
    assert [f"3.{minor}" for minor in range(40) if minor not in refusals] == VERSIONS
    for minor, told in refusals.items():
        assert re.fullmatch(rf"Python 3\.11, .+ is needed; this is 3\.{minor}\.1\. Install .+", told)


def test_ci_runs_each_version() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == VERSIONS


def test_the_readme_names_each_version() -> None:
    first_screen = " ".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20])
    *older, newest = VERSIONS
    assert f"Python {', '.join(older)} or {newest}" in first_screen


@pytest.mark.parametrize(("there", "chosen"), [(["3.13"], "python3.13"), (["3.10", "3.14"], "python3"), (["3.14", "3.12"], "python3.12")])
def test_make_takes_a_version_that_runs_and_else_leaves_it_to_python3_to_say_what_is_missing(
    tmp_path: Path, there: list[str], chosen: str
) -> None:
    """Interpreters stand in by what they answer to the one question that make asks of them."""
    for name in ("python3", *(f"python{version}" for version in VERSIONS)):
        version = there[0] if name == "python3" else name.removeprefix("python")
        works = version in ALLOWED and version in there
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {0 if works else 1}\n")
        (tmp_path / name).chmod(0o755)
    show = ["make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "-f", "-", "shown"]
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        show, input="shown:\n\t@echo $(PYTHON)\n", cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == chosen
