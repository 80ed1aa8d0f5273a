"""A feedback worker as a program that says when it comes to a point of its work, and waits there to be killed.

`rewarded`: a batch's rewards are acknowledged, its pairs not yet sent. `acknowledged`: the pairs are, too; nothing is committed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from feedback_node.agent import FeedbackNode
from feedback_node.preferences import PreferenceConfig
from streams.app import run
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology

LAST = b':"Dune was written by Frank Herbert."'
"""Of the last output that the test sends."""


class StoppingNode(FeedbackNode):
    """The real node, which stops at one point of the batch that has the last output: those before it may come in batches of their own."""

    is_last = False

    def process(self, records):
        self.is_last = any(LAST in (record.value or b"") for record in records)
        super().process(records)

    def send_pairs(self, window, answered):
        if sys.argv[1] == "rewarded" and self.is_last:
            self.flush()
            wait_to_be_killed()
        super().send_pairs(window, answered)

    def acknowledged(self):
        if sys.argv[1] == "acknowledged" and self.is_last:
            wait_to_be_killed()


def wait_to_be_killed():
    """Say so first."""
    sys.stdout.write("here\n")
    sys.stdout.flush()
    time.sleep(3600)


if __name__ == "__main__":  # the extracting processes import this module too
    run(StoppingNode(KafkaSettings.load(), Ontology.load(Path(sys.argv[2])), preferences=PreferenceConfig()))
