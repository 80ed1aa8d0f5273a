"""A run's figures at Weights & Biases, by callback: nothing that goes wrong there stops or holds up the training.

Without an account, and where the server does not answer within INIT_S, all is kept offline in the run's folder (`wandb sync` uploads it).
Every start of a run is the same W&B run. Offline rows reach the disk every 15 s, so a killed run lacks the last of them: the record of a
run is its own history (`trainer_node/commit/history.py`).
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.triplet import Verdict

CONNECT_S = 3.0
"""Longest wait for the server's first answer."""
INIT_S = 5.0
"""Longest wait for the server at the start."""
FINISH_S = 10.0
"""Longest wait for it at the end."""
ANSWERS = 50
"""Newest judged answers that a table has."""
TABLE_EVERY_S = 60.0
"""Shortest time between two tables."""
ARTIFACT_EVERY_S = 1800.0
"""Shortest time between two checkpoints sent as artifacts; the last one is sent at the end."""
COLUMNS = ("step", "prompt", "completion", "reward", "verified", "contradicted", "unknown", "graph version")

logger = logging.getLogger(__name__)


class WandbLog:
    """One start of a run. Methods never raise: the first failure is told, and then nothing more is sent."""

    def __init__(self, run_id: str, run_dir: Path, project: str, settings: Mapping[str, Any]) -> None:
        self._run_id = run_id
        self._run = _begin(run_id, run_dir, project, settings)
        self._answers: deque[tuple[Any, ...]] = deque(maxlen=ANSWERS)
        self._table_at = self._artifact_at = float("-inf")
        self._newest: tuple[Path, int] | None = None

    def log(self, values: Mapping[str, Any], step: int) -> None:
        """Figures after an optimizer step."""
        self._do(lambda run: run.log(dict(values), step=step))

    def answers(self, step: int, judged: Iterable[tuple[ModelOutput, GraphReward | None]]) -> None:
        """Answers and what they earned; the newest are shown as a table now and then."""
        for output, reward in judged:
            verdicts = [getattr(reward, verdict.value, None) for verdict in (Verdict.VERIFIED, Verdict.CONTRADICTED, Verdict.UNKNOWN)]
            earned, version = (reward.reward, reward.graph_version) if reward is not None else (None, None)
            self._answers.append((step, output.prompt, output.completion, earned, *verdicts, version))
        if time.monotonic() - self._table_at >= TABLE_EVERY_S:
            self._send_table(step)

    def alert(self, title: str, text: str) -> None:
        """Something that a person should look at."""
        self._do(lambda run: run.alert(title=title, text=text))

    def checkpoint(self, folder: Path, step: int) -> None:
        """A checkpoint was written."""
        self._newest = folder, step
        if time.monotonic() - self._artifact_at >= ARTIFACT_EVERY_S:
            self._send_checkpoint()

    def close(self) -> None:
        """Send what is left; returns within seconds, whatever the server does."""
        self._send_checkpoint()
        if self._answers:
            self._send_table(None)
        self._do(lambda run: run.finish())

    def _send_table(self, step: int | None) -> None:
        import wandb

        rows = [list(row) for row in self._answers]
        self._do(lambda run: run.log({"judged_answers": wandb.Table(columns=list(COLUMNS), data=rows)}, step=step))
        self._table_at = time.monotonic()

    def _send_checkpoint(self) -> None:
        if self._newest is None:
            return
        import wandb

        (folder, step), self._newest = self._newest, None
        artifact = wandb.Artifact(f"checkpoint-{self._run_id}", type="model", metadata={"step": step, "name": folder.name})

        def send(run: Any) -> None:
            artifact.add_dir(str(folder))  # copies, since the checkpoint may be deleted before it is uploaded
            run.log_artifact(artifact)

        self._do(send)
        self._artifact_at = time.monotonic()

    def _do(self, what: Callable[[Any], None]) -> None:
        if self._run is None:
            return
        try:
            what(self._run)
        except Exception as error:  # noqa: BLE001 - what W&B raises can be anything
            self._run = None
            told = " ".join(str(error).split())[:300]
            logger.warning("Weights & Biases failed (%s: %s): nothing more is sent there, and training goes on", type(error).__name__, told)


def _begin(run_id: str, run_dir: Path, project: str, settings: Mapping[str, Any]) -> Any:
    """A W&B run: online where an account is set up and its server answers, else offline; None where neither can be."""
    wanted = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
    if wanted == "online" and (why := _unreachable()):
        logger.warning("Weights & Biases cannot be reached (%s): figures are kept offline, in the run's folder", why)
        wanted = "offline"
    for mode in dict.fromkeys((wanted, "offline")):
        try:
            return _init(run_id, run_dir, project, settings, mode)
        except Exception as error:  # noqa: BLE001 - what W&B raises can be anything
            told = " ".join(str(error).split())[:300]
            then = "figures are kept offline, in the run's folder" if mode != "offline" else "nothing is logged there"
            logger.warning("Weights & Biases does not take this run (%s: %s): %s", type(error).__name__, told, then)
            _tear_down()
    return None


def _tear_down() -> None:
    """Its service keeps the name of a run that could not begin."""
    import wandb

    with suppress(Exception):
        wandb.teardown()


def _init(run_id: str, run_dir: Path, project: str, settings: Mapping[str, Any], mode: Any) -> Any:
    import wandb

    patience = {"init_timeout": INIT_S, "login_timeout": INIT_S, "x_graphql_timeout_seconds": INIT_S, "x_graphql_retry_max": 0}
    bounds = wandb.Settings(finish_timeout=FINISH_S, **patience)
    config = dict(settings)
    return wandb.init(project=project, id=run_id, name=run_id, dir=str(run_dir), config=config, resume="allow", mode=mode, settings=bounds)


def _unreachable() -> str | None:
    """Why the server does not answer; W&B itself tries for half a minute and more."""
    url = os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai"
    try:
        urlopen(url, timeout=CONNECT_S).close()
    except HTTPError:
        return None  # an answer
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return None
