"""What a trainer's process sets before torch is loaded, which reads it once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


@pytest.mark.parametrize(("said", "kept"), [(None, "16"), ("7", "7")])
def test_what_is_kept_of_shapes_compiled_for_a_cpu_is_bounded_unless_the_environment_says_otherwise(said, kept):
    environ = {name: value for name, value in os.environ.items() if name not in CACHES} | (dict.fromkeys(CACHES, said) if said else {})
    code = f"import sys, os, trainer_node; print('torch' in sys.modules, *(os.environ[name] for name in {CACHES}))"
    done = subprocess.run([sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", kept, kept]
