"""What the trainer node asks of its process."""

from __future__ import annotations

import gc

from trainer_node.node import _spare_what_is_loaded


def test_a_full_collection_in_mid_run_does_not_walk_through_libraries_and_model():
    _spare_what_is_loaded()
    try:
        assert gc.get_freeze_count() > 100_000
        assert len(gc.get_objects()) < 10_000
    finally:
        gc.unfreeze()
