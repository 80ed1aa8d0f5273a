"""What a run does beside training: measuring, and answering prompts. A model's own code may raise anything in it, which ends no run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from schemas.errors import Fenced, PeltonError
from trainer_node.distributed.process_group import ProcessGroup, is_failed_collective

logger = logging.getLogger(__name__)

Found = TypeVar("Found")


def left_out_if_it_raises(group: ProcessGroup, model: Any, what: str, make: Callable[[], Found]) -> Found | None:
    """What `make` gives; None where it raised, which is told: `what` names it, as in "the evaluation at step 3". The model is
    ready for the next pass.

    Raises:
        Fenced: a newer incarnation has taken over.
        PeltonError: another process of this training is gone.
    """
    try:
        return make()
    except Exception as error:
        ends_all = group.size > 1 and (isinstance(error, PeltonError) or is_failed_collective(error))
        if isinstance(error, Fenced) or ends_all:
            raise
        logger.error("%s failed, and is left out: %s", what, f"{type(error).__name__}: {' '.join(str(error).split())}")
        from trainer_node.models.fsdp import back_to_shards  # imports torch, as whatever raised here has by now

        back_to_shards(model)
        return None
