"""A curriculum worker as a program: it says when it handles the sample `slow`, and waits there; the sample `raises` makes it raise.

Its first batch fails twice, as if the broker were away for a moment.
"""

from __future__ import annotations

import sys
import time

from schemas.errors import BrokerError
from streams.app import run
from streams.curriculum.agent import CurriculumNode
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology


class SlowNode(CurriculumNode):
    """The real node, with two samples it is bad at, and a broker that is not there at first."""

    batches = 0

    def process(self, records):
        self.batches += 1
        if self.batches <= 2:
            raise BrokerError("no broker answers")
        super().process(records)

    def measure(self, sample, content):
        if sample.sample_id == "raises":
            raise RuntimeError("a defect in the handling of this sample")
        if sample.sample_id == "slow":
            sys.stdout.write("in flight\n")
            sys.stdout.flush()
            time.sleep(3600)
        return super().measure(sample, content)


run(SlowNode(KafkaSettings.load(), Ontology()))
