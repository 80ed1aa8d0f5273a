"""The run's member of its consumer group: group tools see that somebody is at work, and another folder's start sees who.

The trainer assigns its partitions itself (`intake/consumer_thread.py`); this member is given none, and only commits. It is a static member
of the run's name: a new incarnation takes its place at once, instead of waiting until the dead one's session is over. Its protocol is its
own, so that a consumer of another kind that uses the group's name is refused by the broker as long as we are there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from kafka.errors import FencedInstanceIdError, GroupIdNotFoundError, InconsistentGroupProtocolError, KafkaError
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from kafka.structs import MemberState, OffsetAndMetadata

from schemas.errors import BrokerError
from streams.kafka.connection import open_admin, patiently
from streams.kafka.consumer import make_consumer
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.positions import Partition

logger = logging.getLogger(__name__)

SESSION_MS = 9_000
"""After so long without a heartbeat the broker removes a member."""
HEARTBEAT_MS = 2_500
REJOIN_MS = 10_000
REST_S = 1.0
"""Between two looks whether the group wants something of its member."""
JOINING_MS = 500
"""Of a poll while the group does not have us: kafka-python answers the broker in polls alone, and who answers late begins again."""
STUCK_S = 20.0
"""After so long outside the group the consumer is made anew: kafka-python can forget a join that outlasts a poll
(`findings/kafka-python-a-rebalance-that-outlasts-a-poll-never-ends.sh`)."""
JOIN_S = 5.0
"""Between two tries to join a group whose members are of another kind."""
CLOSE_S = 1.5


class NoPartitions(AbstractPartitionAssignor):  # type: ignore[misc]
    """Gives nobody anything: the trainer has its partitions by itself."""

    name = "pelton"
    version = 0

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said = json.dumps(said).encode()

    def assign(self, cluster: Any, members: Any) -> dict[str, Any]:  # noqa: ARG002 - kafka-python's signature
        """Nothing to each."""
        return {member.member_id: ConsumerProtocolAssignment(self.version, [], b"") for member in members}

    def metadata(self, topics: Any) -> Any:
        """Who this member is."""
        return ConsumerProtocolSubscription(self.version, sorted(topics), self._said)

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """It is empty."""


class GroupMember:
    """Holds the run's place in its group, and commits, on a thread of its own."""

    def __init__(self, settings: KafkaSettings, group: str, run_id: str, said: Mapping[str, Any]) -> None:
        """`said`: what tells this incarnation from others, and for a person where it is."""
        self._settings = settings
        self._group = group
        self._instance = instance_of(run_id)
        self._said = said
        self._offsets: dict[Partition, OffsetAndMetadata] | None = None
        self._why = "the group has not let us in yet"
        self._told = ""
        self._wake = threading.Event()
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="group", daemon=True)
        self._thread.start()

    def commit(self, offsets: dict[Partition, OffsetAndMetadata], timeout_s: float) -> None:
        """Commit group offsets, for lag tools only: the checkpoint is what a restart goes by.

        Raises:
            BrokerError: they are not committed yet; says why. They will be, as soon as the group lets us.
        """
        with self._changed:
            self._offsets = offsets
            self._wake.set()
            if not self._changed.wait_for(lambda: self._offsets is not offsets, timeout_s):
                raise BrokerError(f"group {self._group}: {self._why}")

    def settle(self, timeout_s: float) -> bool:
        """Wait for what is still to be committed: at a run's end nobody commits it later. Not while others keep us out of the group.

        Returns:
            Whether nothing is left.
        """
        until = time.monotonic() + timeout_s
        while self._offsets is not None and self._thread.is_alive() and not self._told and time.monotonic() < until:
            time.sleep(0.1)
        return self._offsets is None

    def close(self) -> None:
        """Leave the group, if the broker answers."""
        self._closing = True
        self._wake.set()
        self._thread.join(CLOSE_S)

    # --- on the thread -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            try:
                self._take_part()
                continue
            except FencedInstanceIdError:
                self._why = "another incarnation of the run has taken our place in it"
                return
            except InconsistentGroupProtocolError:
                self._tell(
                    "a consumer of another kind uses the name of our group: no offsets are committed until it leaves, and lag tools"
                    " see none; training and announcements go on"
                )
            except (KafkaError, BrokerError) as error:
                self._why = " ".join(str(error).split()) or type(error).__name__
            self._wake.clear()
            self._wake.wait(JOIN_S)

    def _tell(self, why: str) -> None:
        if why != self._told:
            logger.warning("group %s: %s", self._group, why)
        self._why = self._told = why

    def _take_part(self) -> None:
        consumer = make_consumer(
            self._settings,
            self._group,
            "group",
            group_instance_id=self._instance,
            partition_assignment_strategy=(NoPartitions(self._said),),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=REJOIN_MS,
        )
        try:
            consumer.subscribe([self._settings.topics.models.name])
            outside_since = time.monotonic()
            while not self._closing:
                self._wake.clear()
                consumer.poll(timeout_ms=100 if _is_in(consumer) else JOINING_MS)
                committed = self._commit(consumer)
                if _is_in(consumer):
                    outside_since = time.monotonic()
                    self._wake.wait(REST_S if committed else 0.1)
                elif time.monotonic() - outside_since > STUCK_S:
                    return  # a join that does not come to an end is begun anew, by another consumer in the same place
                else:
                    self._wake.wait(0.05)
            self._leave()
        finally:
            consumer.close(timeout_ms=500)

    def _commit(self, consumer: Any) -> bool:
        """Commit what is asked for; False where the group is between two generations."""
        offsets = self._offsets
        if offsets is None:
            return True
        try:
            consumer.commit({TopicPartition(*tp): said for tp, said in offsets.items()}, timeout_ms=5_000)
        except (FencedInstanceIdError, InconsistentGroupProtocolError):
            raise
        except KafkaError as error:
            self._why = " ".join(str(error).split())
            return False
        self._told = ""
        with self._changed:
            if self._offsets is offsets:
                self._offsets = None
            self._changed.notify_all()
        return True

    def _leave(self) -> None:
        """A static member is kept until its session is over, unless it says that it will not come back."""
        with contextlib.suppress(KafkaError, BrokerError), open_admin(self._settings, "leaving the group") as admin:
            admin.remove_group_members(self._group, [MemberToRemove(group_instance_id=self._instance)])


def _is_in(consumer: Any) -> bool:
    """Whether the group has this member, in a generation that stands."""
    return bool(consumer.group_metadata().state == MemberState.STABLE)


def instance_of(run_id: str) -> str:
    """A run's name as the broker takes it for a member's."""
    return f"pelton.{re.sub(r'[^A-Za-z0-9._-]', '_', run_id)}"[:249]


def members_of(settings: KafkaSettings, group: str) -> list[dict[str, Any]]:
    """What the trainers in a group say of themselves, as far as they are in it; others are left out.

    Raises:
        BrokerError: the broker is away.
    """
    with open_admin(settings, f"asking who is in group {group}") as admin:
        try:
            found = patiently(lambda: admin.describe_groups([group])[group])
        except GroupIdNotFoundError:
            return []
    said = []
    for member in found["members"]:
        metadata = member["member_metadata"]
        if member["group_instance_id"] and isinstance(metadata, dict):
            with contextlib.suppress(ValueError):
                said.append(json.loads(metadata.get("user_data") or "null"))
    return [entry for entry in said if isinstance(entry, dict)]


def wait_until_gone(settings: KafkaSettings, group: str, known: set[str], patience_s: float) -> dict[str, Any] | None:
    """A trainer in the group whose token is not among the known ones, if it stays there: one that died leaves when its session is over.

    Raises:
        BrokerError: the broker is away.
    """
    until = time.monotonic() + patience_s
    while True:
        others = [entry for entry in members_of(settings, group) if entry.get("token") not in known]
        if not others:
            return None
        if time.monotonic() > until:
            return others[0]
        time.sleep(0.5)
