"""What an answer says, heard against its question: form is taken off before the parse; after it fragments, denials, abstention are read."""

from feedback_node.hearing.hear import Heard, hear
from feedback_node.hearing.utterance import Utterance, prepare

__all__ = ["Heard", "Utterance", "hear", "prepare"]
