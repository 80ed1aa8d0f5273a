"""`pelton checkpoints`, on the kept checkpoints of every format."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.checkpoints import checkpoints

KEPT = sorted((Path(__file__).parents[2] / "data").glob("checkpoint-v*"))


def run(*words: str) -> Result:
    return CliRunner().invoke(checkpoints, list(words), catch_exceptions=False)


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def kept(request, tmp_path: Path) -> Path:
    return Path(shutil.copytree(request.param, tmp_path / "run"))


def test_list_shows_each_checkpoint_and_why_a_torn_one_is_refused(kept):
    whole = next((kept / "checkpoints").iterdir())
    torn = shutil.copytree(whole, whole.with_name("e000001-s00000099-c000099"))
    (torn / "optimizer.pt").unlink()
    rows = json.loads(run("list", str(kept), "--json").output)
    assert [(row["name"], row["valid"]) for row in rows] == [(whole.name, True), (torn.name, False)]
    assert rows[0]["step"] == int(whole.name.split("-s")[1].split("-")[0])
    assert rows[0]["samples_trained"] > 0
    assert rows[1]["why"] == "optimizer.pt is missing"
    told = run("list", str(kept)).output.splitlines()
    assert f"step {rows[0]['step']}" in told[0]
    assert told[1] == f"{torn.name}  refused: optimizer.pt is missing"


def test_lineage_names_exactly_the_offsets_that_the_ledger_says_were_trained(kept):
    rows = [json.loads(line) for line in run("ledger", str(kept), "--all-passes").output.splitlines()]
    trained = {(f"{row['topic']}:{row['partition']}", row["offset"]) for row in rows if row["outcome"] == "trained"}
    named = json.loads(run("lineage", str(kept), "--json").output)
    spans = [(place, first, last) for place, found in named["trained"].items() for first, last in found]
    assert {(place, offset) for place, first, last in spans for offset in range(first, last + 1)} == trained
    assert all(later[1] > earlier[2] + 1 for earlier, later in itertools.pairwise(spans) if earlier[0] == later[0]), "no two touch"
    told = run("lineage", str(kept)).output
    assert named["checkpoint"] in told
    assert f"  {spans[0][0]}: {spans[0][1]}-{spans[0][2]}" in told


def test_verify_says_what_is_torn_and_ends_with_one(kept):
    assert run("verify", str(kept)).exit_code == 0
    path = next((kept / "checkpoints").iterdir())
    content = bytearray((path / "adapter_model.safetensors").read_bytes())
    content[-1] ^= 1
    (path / "adapter_model.safetensors").write_bytes(content)
    found = run("verify", str(kept), "--json")
    assert found.exit_code == 1
    assert json.loads(found.output) == {"valid": False, "why": "adapter_model.safetensors does not match its hash"}


def test_a_folder_that_is_no_run_is_named(tmp_path):
    found = run("list", str(tmp_path))
    assert found.exit_code == 2
    assert "is neither a run's folder nor a checkpoint" in found.output
