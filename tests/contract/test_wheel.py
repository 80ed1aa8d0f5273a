"""What the wheel holds beside code: without it, an installed Pelton cannot start, and its types are not looked at."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "reading", "streams", "trainer_node", "feedback_node", "cli", "demo", "reports")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(packed: set[str], package: str):
    assert f"{package}/py.typed" in packed


def test_the_wheel_holds_every_file_of_the_packages(packed: set[str]):
    kept = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout.split()
    assert sorted(set(kept) - packed) == []
