"""What images install is what pyproject.toml and the lock say, and a worker's image is without what only the trainer loads."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy" / "docker" / "packages.py"


def module():
    spec = importlib.util.spec_from_file_location("packages", SCRIPT)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def said(*words: str) -> list[str]:
    return subprocess.run([sys.executable, SCRIPT, *words], cwd=ROOT, capture_output=True, check=True, encoding="utf-8").stdout.splitlines()


def test_an_image_installs_what_is_declared_but_what_it_does_not_load():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = module()
    left_out = packages.TRAINER_ALONE | packages.NO_IMAGE
    assert left_out <= {packages.name_of(one) for one in declared["dependencies"]}, "a name that is none leaves nothing out"
    worker, trainer = said("worker"), said("trainer", "gpu")
    assert {packages.name_of(one) for one in worker} & left_out == set()
    assert set(worker) < set(trainer) <= {*declared["dependencies"], *declared["optional-dependencies"]["gpu"]}
    assert "torch" in {packages.name_of(one) for one in trainer}


def test_torch_for_the_cpu_has_the_lock_s_version_and_not_its_hash_and_all_else_is_locked():
    locked, without = "\n".join(said("constraints")), "\n".join(said("constraints", "cpu"))
    assert locked.strip() == (ROOT / "requirements" / "locked.txt").read_text().strip()
    version = re.search(r"(?m)^torch==([0-9.]+)", locked)[1]
    assert f"\ntorch=={version}" in without.replace(f"torch=={version} \\", "")
    names = {text: set(re.findall(r"(?m)^([A-Za-z0-9._-]+)==", text)) for text in (locked, without)}
    gone = names[locked] - names[without]
    assert gone == {"triton", *(name for name in names[locked] if name.startswith(("nvidia-", "cuda-")))}


def test_what_a_worker_s_image_runs_imports_nothing_that_it_is_without():
    """The commands of deploy/ that run in it, with the packages of the trainer hidden."""
    hidden = sorted(name.replace("-", "_") for name in module().TRAINER_ALONE | module().NO_IMAGE)
    code = (
        f"import sys; [sys.modules.__setitem__(name, None) for name in {hidden}]\n"
        "import streams.curriculum.agent, streams.augmenter.agent, feedback_node.agent, feedback_node.extraction\n"
        "import streams.kafka.admin, streams.kafka.lag_watch, cli.worker, cli.lag, cli.produce, cli.facts, cli.topics, cli.acls, cli.keys\n"
        "import cli.dead_letters, cli.checkpoints, cli.forget, cli.trace"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
