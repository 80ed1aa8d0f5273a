"""Which Pelton this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"


def own_version() -> str:
    """The version that is installed; `unknown` where the code lies in a folder on the path and nothing was installed."""
    try:
        return version("pelton")
    except PackageNotFoundError:
        return UNKNOWN
