"""Which topic a name stands for: Kafka gives each topic an id, which one that is deleted and made anew does not share.

A position is of one topic. In another of the same name it points at other records: where the new one is longer, reading on from it leaves
out what stands before, and neither broker nor client says so. Whoever keeps a position across a start, a rewind or an idle hour keeps the
topic's id beside it, and compares. A broker that gives no ids (Kafka before 2.8) is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from schemas.errors import TopicMadeAnew
from streams.kafka.connection import open_admin

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, KafkaConsumer

    from streams.kafka.settings import KafkaSettings

ID = "topic_id="
"""How the metadata of a commit begins."""


def topic_ids(settings: KafkaSettings, names: Iterable[str]) -> dict[str, str]:
    """The ids of topics, asked of the broker now; without those that are missing, or have none.

    Raises:
        BrokerError: the broker is away.
    """
    with open_admin(settings, "asking which topics these are") as admin:
        return ids_by_admin(admin, names)


def ids_by_admin(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, str]:
    """The same through an open client."""
    wanted = sorted(set(names) & set(admin.list_topics()))  # to describe a missing one would make it, where the broker does that
    described = admin.describe_topics(wanted) if wanted else []
    return {topic["name"]: str(topic["topic_id"]) for topic in described if topic["topic_id"]}


def heard_ids(consumer: KafkaConsumer, names: Iterable[str]) -> dict[str, str]:
    """The ids of topics as far as a consumer has heard, asking nobody: cheap enough for each poll. Without those it knows none of.

    The client asks again every five minutes, and when a fetch is refused because the topic is not there. So look after each poll, before
    what it gave is used: the first records of a new topic do not come before its id.
    """
    found = {name: consumer._cluster.topic_id(name) for name in names}
    return {name: str(known) for name, known in found.items() if known is not None}


def made_anew(known: Mapping[str, str | None], found: Mapping[str, str | None]) -> list[str]:
    """Names that stand for other topics now, in order; a name that either side knows no id of is not among them."""
    return sorted(name for name, topic_id in found.items() if None not in (topic_id, was := known.get(name)) and was != topic_id)


def commit_metadata(topic_id: str | None) -> str:
    """What is committed beside an offset: which topic it is of."""
    return f"{ID}{topic_id}" if topic_id else ""


def metadata_id(metadata: str | None) -> str | None:
    """The id that `commit_metadata` put there; None for what others commit."""
    return metadata.removeprefix(ID) if metadata and metadata.startswith(ID) else None


def raise_if_made_anew(known: Mapping[str, str], found: Mapping[str, str], remedy: str) -> None:
    """Refuse to go on in a topic with another's position.

    Args:
        known: ids of the topics that the positions are of, by name.
        found: ids of the topics that there are now.
        remedy: what the reader's user can do, for the end of the line.

    Raises:
        TopicMadeAnew: names the topics and both ids of the first.
    """
    if changed := made_anew(known, found):
        name = changed[0]
        others = f" (and {', '.join(changed[1:])})" if changed[1:] else ""
        raise TopicMadeAnew(
            f"topic {name}{others} was deleted and made anew: the position is of the topic with the id {known[name]}, this one's is"
            f" {found[name]}; {remedy}"
        )
