"""A signature is taken for the record, the topic and the time that it was made for, from who may write there, and for nothing else."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import SIGNATURE_HEADER
from schemas.errors import BadRecord, ConfigError, DeadLetterReason
from schemas.roles import RIGHTS, Role
from schemas.topics import Topics
from streams.kafka.consumer import Record
from streams.kafka.keys import SigningKey, allow, expire, load_allowed, make_key, write_secret
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import Signatures, Signer
from tests.models.signing import ALLOWED, make_keys, one_for_each_role, signing_as

SAMPLES = "pelton.samples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys")
    one_for_each_role(made)
    make_keys(made, {"hmac-atlas": (Role.PRODUCER,)})
    return made


def signed(folder: Path, name: str, topic: str = SAMPLES, value: bytes | None = b"{}", key: bytes | None = b"k") -> Record:
    headers = Signer(SigningKey.load(folder / f"{name}.json")).headers(topic, key, value, [("producer", b"atlas")])
    return Record(topic, 0, 7, key, value, tuple(headers), round(time.time() * 1000))


def reason(folder: Path, record: Record, **other: object) -> DeadLetterReason | None:
    try:
        Signatures(signing_as(KafkaSettings(), folder, None, **other)).check(record)
    except BadRecord as bad:
        return bad.reason
    return None


@pytest.mark.parametrize("name", ["producer", "hmac-atlas"])
def test_what_an_allowed_key_signed_is_taken_and_says_whose_it_is(folder: Path, name: str) -> None:
    key = Signatures(signing_as(KafkaSettings(), folder, None)).check(signed(folder, name))
    assert key is not None
    assert key.key_id == name


@pytest.mark.parametrize("name", ["producer", "hmac-atlas"])
@pytest.mark.parametrize(
    "change", [{"value": b"{ }"}, {"key": b"other"}, {"value": None}, {"key": None}, {"topic": "other.samples"}, {"topic": "pelton.facts"}]
)
def test_what_was_altered_or_moved_to_another_topic_is_forged(folder: Path, name: str, change: dict[str, bytes | str | None]) -> None:
    assert reason(folder, replace(signed(folder, name), **change)) is DeadLetterReason.FORGED  # type: ignore[arg-type]


def test_what_is_not_signed_is_refused_where_it_must_be_and_only_there(folder: Path) -> None:
    bare = replace(signed(folder, "producer"), headers=())
    assert reason(folder, bare) is DeadLetterReason.UNSIGNED
    assert reason(folder, bare, signature="off") is None
    assert reason(folder, replace(signed(folder, "producer"), value=b"x"), signature="off") is DeadLetterReason.FORGED


def test_a_record_taken_from_the_log_and_sent_again_is_stale_and_one_read_again_is_not(folder: Path) -> None:
    record = signed(folder, "producer")
    assert reason(folder, replace(record, timestamp=record.timestamp + 601_000)) is DeadLetterReason.STALE_SIGNATURE
    assert reason(folder, replace(record, timestamp=record.timestamp - 601_000)) is DeadLetterReason.STALE_SIGNATURE
    assert reason(folder, replace(record, timestamp=record.timestamp + 601_000), signature_max_age_s=3600.0) is None
    assert reason(folder, record) is None  # whenever it is read: the broker's time stands beside it


def test_a_node_that_waited_for_its_broker_is_not_stale_but_an_old_announcement_is(folder: Path) -> None:
    losses, models = signed(folder, "trainer", "pelton.losses"), signed(folder, "trainer", "pelton.models")
    day = 24 * 3600_000
    assert reason(folder, replace(losses, timestamp=losses.timestamp + day)) is None
    assert reason(folder, replace(losses, timestamp=losses.timestamp + 15 * day)) is DeadLetterReason.STALE_SIGNATURE
    assert reason(folder, replace(models, timestamp=models.timestamp + day)) is DeadLetterReason.STALE_SIGNATURE


@pytest.mark.parametrize("role", Role)
def test_a_key_is_good_for_the_topics_of_its_roles_alone(folder: Path, role: Role) -> None:
    topics = Topics()
    for topic in topics:
        if topic.name == topics.dead_letters.name:
            continue
        short = "bands" if ".curriculum." in topic.name else topic.name.removeprefix("pelton.")
        wanted = None if short in RIGHTS[role].writes else DeadLetterReason.FORGED
        assert reason(folder, signed(folder, role.value, topic.name)) is wanted, topic.name


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"1;producer;1;",
        b"2;producer;1;AAAA",
        b"1;producer;x;AAAA",
        b"1;../etc;1;AAAA",
        b"1;\xff;1;AAAA",
        b"1;nobody;1;AAAA",
        b";" * 2000,
    ],
)
def test_whatever_stands_in_the_header_is_forged_and_no_error(folder: Path, header: bytes) -> None:
    assert reason(folder, replace(signed(folder, "producer"), headers=((SIGNATURE_HEADER, header),))) is DeadLetterReason.FORGED


@given(header=st.binary(max_size=600))
def test_no_header_is_an_error_of_another_kind(folder: Path, header: bytes) -> None:
    found = reason(folder, Record(SAMPLES, 0, 0, b"k", b"{}", ((SIGNATURE_HEADER, header),), 0))
    assert found is DeadLetterReason.FORGED


def test_two_signatures_are_none(folder: Path) -> None:
    record = signed(folder, "producer")
    assert reason(folder, replace(record, headers=record.headers * 2)) is DeadLetterReason.FORGED


def test_who_signs_anew_replaces_what_was_signed_before(folder: Path) -> None:
    record = signed(folder, "producer")
    headers = Signer(SigningKey.load(folder / "operator.json")).headers(SAMPLES, record.key, record.value, record.headers)
    key = Signatures(signing_as(KafkaSettings(), folder, None)).check(replace(record, headers=tuple(headers)))
    assert key is not None
    assert key.key_id == "operator"
    assert ("producer", b"atlas") in headers


def test_an_expired_key_signs_no_more_and_what_it_signed_before_stays(tmp_path: Path) -> None:
    make_keys(tmp_path, {"atlas": (Role.PRODUCER,)})
    record = signed(tmp_path, "atlas")
    expire(tmp_path / ALLOWED, "atlas", time.time() + 60)
    assert reason(tmp_path, record) is None
    assert reason(tmp_path, replace(record, timestamp=record.timestamp + 120_000)) is DeadLetterReason.STALE_SIGNATURE


@pytest.mark.parametrize("role", Role)
def test_what_only_nodes_say_is_taken_from_nodes(folder: Path, role: Role) -> None:
    signatures = Signatures(signing_as(KafkaSettings(), folder, None))
    ours = role in (Role.CURRICULUM, Role.AUGMENTER, Role.FEEDBACK, Role.TRAINER, Role.OPERATOR)
    assert signatures.vouches_for_node_fields(load_allowed(folder / ALLOWED)[role.value]) is ours
    assert not signatures.vouches_for_node_fields(None)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA", "pelton_roles": ["producer"]}, "at least 32 bytes"),
        ({"kty": "oct", "kid": "a", "k": "c2hvcnQ", "pelton_roles": ["producer"]}, "at least 32 bytes"),
        ({"kty": "RSA", "kid": "a", "pelton_roles": ["producer"]}, "of no kind that is known"),
        ({"kty": "oct", "kid": "a/../b", "k": "A" * 43}, "`kid` must name the key"),
        ({"kty": "oct", "kid": "a", "k": "A" * 43, "pelton_roles": ["root"]}, "must be a list of"),
        ({"kty": "oct", "kid": "a", "k": "A" * 43, "pelton_roles": ["producer"], "exp": "soon"}, "seconds since the epoch"),
    ],
    ids=["short", "short-secret", "other-kind", "bad-id", "bad-role", "bad-expiry"],
)
def test_a_bad_allowed_key_is_one_line(tmp_path: Path, entry: dict[str, object], told: str) -> None:
    (tmp_path / ALLOWED).write_text(json.dumps({"keys": [entry]}), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_allowed(tmp_path / ALLOWED)


def test_a_private_part_among_the_allowed_keys_is_refused(tmp_path: Path) -> None:
    (tmp_path / ALLOWED).write_text(json.dumps({"keys": [make_key("a") | {"pelton_roles": ["producer"]}]}), encoding="utf-8")
    with pytest.raises(ConfigError, match="private part"):
        load_allowed(tmp_path / ALLOWED)


def test_a_secret_is_its_owners_alone_is_not_overwritten_and_is_in_no_repr(tmp_path: Path) -> None:
    jwk = make_key("a")
    write_secret(tmp_path / "a.json", jwk)
    assert (tmp_path / "a.json").stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="there already"):
        write_secret(tmp_path / "a.json", make_key("b"))
    assert jwk["d"] not in repr(SigningKey.load(tmp_path / "a.json"))
    allow(tmp_path / ALLOWED, jwk, [Role.PRODUCER])
    assert jwk["d"] not in (tmp_path / ALLOWED).read_text()


def test_signatures_without_allowed_keys_are_refused_as_a_setting() -> None:
    with pytest.raises(ConfigError, match="needs allowed_keys"):
        KafkaSettings.load(environ={"PELTON_SIGNATURE": "required"})
    with pytest.raises(ConfigError, match="needs allowed_keys"):
        KafkaSettings.load(environ={"PELTON_NODE_FIELDS": "signed"})
