"""How this program is started as a child of its own: what supervisors of its nodes are handed."""

from __future__ import annotations

import sys

PELTON = (sys.executable, "-m", "cli.main")
"""`pelton`, by the Python that runs here; a node's arguments follow."""
