"""What a broker must let each role do, and no more: the ACLs of `schemas.roles`' one table, as data and as lines for Kafka's own tool."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import BrokerError
from schemas.roles import RIGHTS, Role

if TYPE_CHECKING:
    import kafka.admin

    from streams.kafka.settings import KafkaSettings

FLAGS = {"topic": "--topic", "group": "--group", "transactional_id": "--transactional-id", "cluster": "--cluster"}
"""Kind of resource -> flag of kafka-acls.sh."""
LITERAL, PREFIXED = "literal", "prefixed"
ITERATIONS = 4096
"""Of SCRAM's hash: Kafka's default. Passwords that are made here are random and long, so that more would slow down log-ins alone."""


@dataclass(frozen=True)
class Acl:
    """One thing that a principal is allowed."""

    operation: str
    """As kafka-acls.sh spells it: Read, Write, Describe, ..."""
    resource: str
    """topic, group, transactional_id or cluster."""
    name: str
    """Of the resource; of a cluster `kafka-cluster`."""
    pattern: str = LITERAL
    """literal, or prefixed: whatever begins so."""


def acls_of(role: Role, settings: KafkaSettings) -> list[Acl]:
    """What a role needs under the settings' prefix, each once."""
    return list(dict.fromkeys(_acls(role, settings.topic_prefix)))


def _acls(role: Role, prefix: str) -> Iterator[Acl]:
    rights = RIGHTS[role]
    for short in rights.writes:
        yield from _topic(prefix, short, "Write", "Describe", "DescribeConfigs")
    for short in rights.reads:
        yield from _topic(prefix, short, "Read", "Describe", "DescribeConfigs")
    for short in rights.describes:
        yield from _topic(prefix, short, "Describe", "DescribeConfigs")
    if rights.own_group:
        yield Acl("Read", "group", f"{prefix}{role.value}", PREFIXED)  # with the run's name behind it, where a node works for one run
        yield Acl("Describe", "group", f"{prefix}{role.value}", PREFIXED)
    for group in rights.groups:
        yield Acl("Read", "group", prefix + group)
    for group in rights.watches:
        yield Acl("Describe", "group", prefix + group, PREFIXED)
    if rights.transactional:
        yield Acl("Write", "transactional_id", f"{prefix}{role.value}.", PREFIXED)
        yield Acl("Describe", "transactional_id", f"{prefix}{role.value}.", PREFIXED)
    if role is Role.OPERATOR:
        yield from (Acl(one, "topic", prefix, PREFIXED) for one in ("Create", "AlterConfigs", "Delete", "DescribeConfigs", "Describe"))
        yield Acl("Describe", "group", prefix, PREFIXED)
        yield from (Acl(one, "cluster", "kafka-cluster") for one in ("Describe", "DescribeConfigs"))


def _topic(prefix: str, short: str, *operations: str) -> Iterator[Acl]:
    name, pattern = (f"{prefix}curriculum.", PREFIXED) if short == "bands" else (prefix + short, LITERAL)
    return (Acl(operation, "topic", name, pattern) for operation in operations)


def as_commands(settings: KafkaSettings, principal: str, acls: list[Acl]) -> list[str]:
    """Lines for a shell, one a resource: kafka-acls.sh of Apache Kafka's own distribution."""
    resources: dict[tuple[str, str, str], list[str]] = {}
    for acl in acls:
        resources.setdefault((acl.resource, acl.name, acl.pattern), []).append(acl.operation)
    lines = []
    for (resource, name, pattern), operations in resources.items():
        words = ["kafka-acls.sh", "--bootstrap-server", settings.bootstrap_servers, "--add", "--allow-principal", principal]
        words += [word for operation in operations for word in ("--operation", operation)]
        words += [FLAGS[resource]] if resource == "cluster" else [FLAGS[resource], name]
        words += ["--resource-pattern-type", "prefixed"] if pattern == PREFIXED else []
        lines.append(shlex.join(words))
    return lines


def apply(settings: KafkaSettings, acls: Mapping[str, list[Acl]], passwords: Mapping[str, str]) -> None:
    """Have the broker make users with these passwords (SCRAM-SHA-512), and allow each user these ACLs. What it has already stays as it is.

    Args:
        settings: of someone who may alter the cluster.
        acls: by user.
        passwords: by user.

    Raises:
        BrokerError: the broker is away or refuses.
    """
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

    from streams.kafka.connection import open_admin

    with open_admin(settings, "making users and ACLs") as admin:
        if passwords:
            mechanism = ScramMechanism.SCRAM_SHA_512
            wanted = [UserScramCredentialUpsertion(user, mechanism, password, ITERATIONS) for user, password in passwords.items()]
            refused = {user: error for user, error in admin.alter_user_scram_credentials(wanted).items() if error is not None}
            if refused:
                raise BrokerError(f"making users: the broker refused {refused}")
        found = admin.create_acls([as_binding(user, acl) for user, its_acls in acls.items() for acl in its_acls])
        if found["failed"]:
            raise BrokerError(f"making ACLs: the broker refused {found['failed']}")


def as_binding(user: str, acl: Acl) -> kafka.admin.ACL:
    """An ACL of a user, as kafka-python has it."""
    from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

    operation = ACLOperation[re.sub("(?<=[a-z])(?=[A-Z])", "_", acl.operation).upper()]
    pattern = ResourcePattern(ResourceType[acl.resource.upper()], acl.name, ACLResourcePatternType[acl.pattern.upper()])
    return ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, pattern)


def as_quota(settings: KafkaSettings, user: str, bytes_a_second: int) -> str:
    """The line by which the broker bounds how much a user sends; one that sends more is slowed down, and loses nothing."""
    given = ["--alter", "--add-config", f"producer_byte_rate={bytes_a_second}", "--entity-type", "users", "--entity-name", user]
    return shlex.join(["kafka-configs.sh", "--bootstrap-server", settings.bootstrap_servers, *given])
