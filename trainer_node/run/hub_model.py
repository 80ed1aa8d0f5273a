"""Whether a model of the Hugging Face hub can be had, found out in seconds: loading it asks for many files, each for minutes."""

from __future__ import annotations

import logging
import os

from schemas.errors import ConfigError, DownloadError

ANSWER_S = 10.0
"""How long the hub may take to answer."""
OFFLINE = "HF_HUB_OFFLINE"

logger = logging.getLogger(__name__)


def check_hub_model(name: str) -> None:
    """See that a hub's id is in the cache, or that the hub has it.

    Raises:
        ConfigError: the hub has no such model, or does not give it to us.
        DownloadError: it is not in the cache, and the hub cannot be reached.
    """
    from httpx import HTTPError
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
        if os.environ.get(OFFLINE, "").upper() in ("1", "ON", "YES", "TRUE"):
            raise DownloadError(f"--model {name}: it is not in the Hugging Face cache, and {OFFLINE} is set; name a folder or a GGUF file")
        HfApi().model_info(name, timeout=ANSWER_S)
    except HFValidationError:
        raise ConfigError(f"--model {name}: there is no such folder, and it can be no model of the Hugging Face hub") from None
    except RepositoryNotFoundError:  # so it says of what is not for us, too
        raise ConfigError(f"--model {name}: the Hugging Face hub has no such model, or wants HF_TOKEN to be set for it") from None
    except DownloadError:
        raise
    except (HfHubHTTPError, HTTPError, OSError, RuntimeError, ValueError) as error:  # what lies beneath the hub's library
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise DownloadError(
            f"--model {name}: it is not in the Hugging Face cache, and the hub cannot be reached ({why}); name a folder or a GGUF file, or"
            " see to the connection"
        ) from None
