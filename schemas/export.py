"""JSON Schemas and the AsyncAPI document of every message, written to `schemas/json/` and kept current by a test.

Run `python -m schemas.export` after a change.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from schemas import asyncapi
from schemas.base import Message
from schemas.topics import Topic, Topics

FOLDER = Path(__file__).parent / "json"


def file_name(topic: Topic) -> str:
    """`TrainingSample` -> `training_sample.json`."""
    name = topic.value.__name__
    return "".join("_" + char.lower() if char.isupper() else char for char in name).lstrip("_") + ".json"


def documents() -> dict[str, dict[str, Any]]:
    """File name -> document, for every message and the AsyncAPI description of all topics."""
    found = {file_name(topic): schema_of(topic.value, file_name(topic)) for topic in Topics()}
    return {**found, "asyncapi.json": asyncapi.document()}


def schema_of(message: type[Message], name: str) -> dict[str, Any]:
    """What a message of this kind may be, as a schema that stands alone: with its dialect and its own name."""
    identity = {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:pelton:schemas:{name.removesuffix('.json')}:{message.MAJOR}"}
    return {**identity, **message.model_json_schema()}


def render(document: dict[str, Any]) -> str:
    """Stable text of a document."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale() -> list[str]:
    """Names of files that do not say what the code says."""
    wanted = {name: render(document) for name, document in documents().items()}
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main() -> int:
    """Write all files, or with `--check` only say which are stale."""
    if "--check" in sys.argv[1:]:
        for name in (names := stale()):
            sys.stderr.write(f"schemas/json/{name} is not current: run python -m schemas.export\n")
        return 1 if names else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale():
        (FOLDER / name).unlink(missing_ok=True)
    for name, document in documents().items():
        (FOLDER / name).write_text(render(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
