"""Heavy libraries are imported without what they would take along."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from streams.imported import kept_out, uncollected


def test_what_is_kept_out_is_not_there_within_the_block_and_is_after_it():
    with kept_out("wave"):
        with pytest.raises(ImportError):
            importlib.import_module("wave")
        assert importlib.util.find_spec("wave") is None
    assert importlib.import_module("wave").__name__ == "wave"
    with kept_out("wave"):
        assert importlib.import_module("wave").__name__ == "wave", "what is loaded stays"
    assert "wave" in sys.modules


@pytest.mark.parametrize("at_work", [True, False])
def test_the_collector_rests_during_imports_and_is_afterwards_as_it_was(at_work):
    before = gc.isenabled()
    try:
        (gc.enable if at_work else gc.disable)()
        with pytest.raises(ImportError), uncollected():
            importlib.import_module("there_is_no_such_module" if not gc.isenabled() else "wave")
        assert gc.isenabled() == at_work
    finally:
        (gc.enable if before else gc.disable)()


def test_a_feedback_worker_leaves_the_parser_to_its_children():
    """Half of its start, and 500 MB."""
    program = "import sys, feedback_node.agent; sys.exit(bool({'spacy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False).returncode == 0
