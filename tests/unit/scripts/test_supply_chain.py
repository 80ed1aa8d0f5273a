"""Everything that set-up installs is locked by its hash, and the lists name no host that it must come from."""

from __future__ import annotations

import re

import pytest

from scripts.supply_chain import LOCKED, pins


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_each_locked_requirement_has_hashes(path):
    found = pins(path.read_text(encoding="utf-8"))
    assert found
    assert [
        name for name, hashes in found.items() if not hashes or not all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in hashes)
    ] == []
    assert not re.search("https?://", path.read_text(encoding="utf-8"))


def test_a_requirement_without_a_hash_is_found():
    assert pins("a==1 \\\n    --hash=sha256:00\nb==2\n") == {"a==1": ["sha256:00"], "b==2": []}
