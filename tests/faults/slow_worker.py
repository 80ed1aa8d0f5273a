"""A curriculum worker as a program: it says when it handles the sample `slow`, and waits there; the sample `raises` makes it raise."""

from __future__ import annotations

import sys
import time

from streams.app import run
from streams.curriculum.agent import CurriculumNode
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology


class SlowNode(CurriculumNode):
    """The real node, with two samples it is bad at."""

    def measure(self, sample, content):
        if sample.sample_id == "raises":
            raise RuntimeError("a defect in the handling of this sample")
        if sample.sample_id == "slow":
            sys.stdout.write("in flight\n")
            sys.stdout.flush()
            time.sleep(3600)
        return super().measure(sample, content)


run(SlowNode(KafkaSettings.load(), Ontology()))
