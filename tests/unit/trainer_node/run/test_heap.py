"""What the heap promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trainer_node.run.heap import TRIM

CODE = """
import psutil
from trainer_node.run.heap import give_back

pieces = [bytes(20_000) for _ in range(3000)]
last = pieces[-1]
del pieces
before = psutil.Process().memory_info().rss
give_back()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(TRIM is None, reason="another C library than glibc")
def test_what_lies_free_below_something_that_is_held_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, encoding="utf-8")
    assert int(done.stdout) > 30e6
