"""What commands refuse before they ask the broker."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cli.main import pelton
from schemas.errors import UserError


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["produce"], "Missing argument 'FILE...'"),
        (["produce", "absent.jsonl"], "no file absent.jsonl"),
        (["facts"], "name a FILE of facts, a --remove KEY"),
        (["dead-letters", "replay"], "name what to replay"),
        (["dead-letters", "replay", "--value-file", __file__], "name it with --position"),
        (["dead-letters", "list", "--reason", "ugly"], "'ugly' is not one of bad_encoding"),
        (["broker", "--brokers", "2"], "'2' is not one of '1', '3'"),
        (["broker", "--port", "0"], "--port"),
        (["topics", "create", "--replication", "0"], "--replication"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_wrong_flag_is_named_before_the_broker_is_asked(clean_environ: pytest.MonkeyPatch, words: list[str], named: str) -> None:
    clean_environ.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    done = CliRunner().invoke(pelton, words)
    assert done.exit_code == 2
    assert named in done.output


def test_a_position_that_is_none_is_named(clean_environ: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(pelton, ["dead-letters", "show", "samples-4"])
    assert isinstance(done.exception, UserError)
    assert "pelton.samples:0:42" in str(done.exception)
