"""The errors of Pelton, and who is to act on each.

PeltonError
├── UserError            the person at the terminal can mend it; printed as one line, exit code 2
│   ├── ConfigError      a setting or flag
│   ├── BrokerError      the broker is away, refuses, or its port is taken
│   ├── DownloadError    something could not be fetched
│   └── DataLossError    the log no longer holds what a position points at
│       └── TopicMadeAnew   its topic is another of the same name
├── BadRecord            one record cannot be used: goes to the dead-letter topic with `reason`
├── TooManyDeadLetters   the breaker: a node stops, because all of its input is bad, and no source of it can be told from another
├── CheckpointError      a checkpoint is torn, or of a newer format
└── Fenced               a newer incarnation of this run exists; this one must stop at once
"""

from __future__ import annotations

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """Why a record was dead-lettered. A fixed list, so that alerts and replays can be written against it."""

    BAD_ENCODING = "bad_encoding"
    """Not UTF-8."""
    BAD_JSON = "bad_json"
    """Not JSON, or not a JSON object."""
    EMPTY = "empty"
    """A record without a value, where a value is needed."""
    TOO_LARGE = "too_large"
    """More bytes than the topic's limit."""
    TOO_DEEP = "too_deep"
    """Nested deeper than any message of ours."""
    UNKNOWN_VERSION = "unknown_version"
    """A major schema version this reader does not know."""
    INVALID = "invalid"
    """JSON of the wrong shape; the error header names the field."""
    UNTRAINABLE = "untrainable"
    """Well-formed, but nothing can be trained on it: an empty completion, a label outside its set, turns that the chat template refuses."""
    TOO_LONG = "too_long"
    """More tokens than the model takes, and the policy says not to truncate."""
    NAN_LOSS = "nan_loss"
    """The step it was in gave a loss that is not a number."""
    BAD_FACT = "bad_fact"
    """A fact with missing parts, an unknown predicate, or one that closes a cycle of aliases."""
    UNSIGNED = "unsigned"
    """No signature, where one is required."""
    STALE_SIGNATURE = "stale_signature"
    """Signed too long before the broker took it, as what is sent a second time is; or by a key that had expired."""
    FORGED = "forged"
    """Altered since it was signed, signed by a key that is not allowed, or by one that may not write to that topic."""
    SOURCE_PAUSED = "source_paused"
    """Nothing is known to be wrong with it: most records of its source were bad, and it was put away unread, to be replayed."""
    PROCESSING_ERROR = "processing_error"
    """Code of ours raised; the error header has the exception. A bug to report, and nothing lost."""


class PeltonError(Exception):
    """Root of all errors that Pelton raises on purpose."""


class UserError(PeltonError):
    """The person at the terminal can mend it. Its text is one line that names the thing and what to do."""


class ConfigError(UserError):
    """A setting or a flag is wrong."""


class BrokerError(UserError):
    """The broker is away, refuses, or cannot be started."""


class DownloadError(UserError):
    """Something that set-up fetches could not be had."""


class DataLossError(UserError):
    """The log no longer holds what a position points at; the message names topic, partition and the gap."""


class TopicMadeAnew(DataLossError):  # noqa: N818 - it names what happened
    """A position's topic was deleted and made anew: what stands at the position is of another log."""


class BadRecord(PeltonError):  # noqa: N818 - it names the record, which is what the reader of a log looks for
    """One record cannot be used. `reason` is from the fixed list; the text says what is wrong with it."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class TooManyDeadLetters(PeltonError):  # noqa: N818
    """All that came lately was bad, and no source can be told from another: the node stops and says so."""


class CheckpointError(PeltonError):
    """A checkpoint cannot be used; the text says which and why."""


class Fenced(PeltonError):  # noqa: N818
    """A newer incarnation of this run has claimed a higher epoch."""
