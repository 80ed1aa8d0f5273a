"""The generated part of deploy/kubernetes: `python -m scripts.kubernetes` writes it, with `--check` compares it.

Topics are those of the one catalogue, users and what they may do those of `pelton acls`, and alerts those of deploy/prometheus/rules.yml.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from schemas.roles import Role
from schemas.topics import Topics
from streams.kafka.access import Acl, acls_of
from streams.kafka.admin import CLOCK
from streams.kafka.settings import KafkaSettings

DEPLOY = Path(__file__).parents[1] / "deploy"
FOLDER = DEPLOY / "kubernetes" / "base" / "generated"
CLUSTER = "pelton"
"""Name of the Strimzi cluster."""
PARTITIONS, REPLICAS = 6, 3
"""Partitions of the topics that workers share (as many workers can share one), and copies of each topic."""
PATTERNS = {"literal": "literal", "prefixed": "prefix"}
KINDS = {"transactional_id": "transactionalId"}
HEADER = "# Made by `make schemas`, from the code that docs/deploy.md names: change that.\n"


def topics() -> Iterator[dict[str, Any]]:
    """A KafkaTopic for each topic of the catalogue."""
    for topic in Topics(partitions=PARTITIONS):
        config = topic.config() | CLOCK | {"min.insync.replicas": str(REPLICAS - 1)}
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": topic.name, "labels": {"strimzi.io/cluster": CLUSTER}},
            "spec": {"topicName": topic.name, "partitions": topic.partitions, "replicas": REPLICAS, "config": config},
        }


def users() -> Iterator[dict[str, Any]]:
    """A KafkaUser for each role, by password, with exactly the ACLs that `pelton acls` prints."""
    for role in Role:
        by_resource: dict[tuple[str, str, str], list[str]] = {}
        for acl in acls_of(role, KafkaSettings()):
            by_resource.setdefault((acl.resource, acl.name, acl.pattern), []).append(acl.operation)
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaUser",
            "metadata": {"name": role.value, "labels": {"strimzi.io/cluster": CLUSTER}},
            "spec": {
                "authentication": {"type": "scram-sha-512"},
                "authorization": {
                    "type": "simple",
                    "acls": [{"resource": _resource(Acl("", *one)), "operations": names} for one, names in by_resource.items()],
                },
            },
        }


def _resource(acl: Acl) -> dict[str, str]:
    if acl.resource == "cluster":
        return {"type": "cluster"}
    return {"type": KINDS.get(acl.resource, acl.resource), "name": acl.name, "patternType": PATTERNS[acl.pattern]}


def rules() -> Iterator[dict[str, Any]]:
    """The alerts and recording rules as one PrometheusRule."""
    groups = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))["groups"]
    yield {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "pelton"}, "spec": {"groups": groups}}


FILES = {"topics.yaml": topics, "users.yaml": users, "rules.yaml": rules}


def written(name: str) -> str:
    """What a file of FILES is to hold."""
    return HEADER + yaml.safe_dump_all(FILES[name](), sort_keys=False, width=140)


def is_current(name: str) -> bool:
    """Whether a file of FILES holds what it is to hold."""
    path = FOLDER / name
    return path.is_file() and path.read_text(encoding="utf-8") == written(name)


def main() -> int:
    """Write the files, or say with 1 that they are not what they should be."""
    wrong = [name for name in FILES if not is_current(name)]
    if "--check" in sys.argv[1:]:
        if wrong:
            sys.stderr.write(f"{', '.join(wrong)} in {FOLDER}: not what the code says; `make schemas` writes them\n")
        return int(bool(wrong))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in wrong:
        (FOLDER / name).write_text(written(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
