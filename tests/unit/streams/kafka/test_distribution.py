"""Where Kafka's jars and Java come from, without a network."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from pathlib import Path

import pytest

from schemas.errors import BrokerError, DownloadError
from streams.kafka import distribution


@pytest.fixture
def cache(tmp_path: Path, clean_environ: pytest.MonkeyPatch) -> Path:
    clean_environ.setenv("PELTON_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two downloaded files, and a list of checksums that wants them."""
    folder = tmp_path / "downloaded"
    folder.mkdir()
    for name in ("a.jar", "b.jar"):
        (folder / name).write_bytes(name.encode())
    checksums = tmp_path / "jars.sha256"
    checksums.write_text("".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(folder.iterdir())))
    monkeypatch.setattr(distribution, "CHECKSUMS", checksums)
    return sorted(folder.iterdir())


def install(cache: Path, jars: list[Path]) -> None:
    (cache / "kafka").mkdir(exist_ok=True)
    distribution.install_jars(jars, cache / "kafka" / "staging")


def test_jars_in_the_cache_are_used_without_the_network(cache: Path, jars: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    install(cache, jars)

    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", no_network)
    distribution.fetch_broker()
    assert [jar.name for jar in distribution.cached_classpath() or []] == ["a.jar", "b.jar"]


def test_a_changed_file_is_refused(cache: Path, jars: list[Path]) -> None:
    jars[1].write_bytes(b"something else")
    with pytest.raises(DownloadError, match=r"b\.jar is not the file"):
        install(cache, jars)
    assert distribution.cached_classpath() is None


def test_a_missing_file_is_named(cache: Path, jars: list[Path]) -> None:
    with pytest.raises(DownloadError, match=r"lacks b\.jar"):
        install(cache, jars[:1])
    assert distribution.cached_classpath() is None


def test_a_cache_that_lost_a_jar_is_not_used(cache: Path, jars: list[Path]) -> None:
    install(cache, jars)
    (distribution.jars_folder() / "a.jar").unlink()
    assert distribution.cached_classpath() is None


def test_no_network_is_one_line_that_says_what_to_do(cache: Path, clean_environ: pytest.MonkeyPatch) -> None:
    clean_environ.setenv("PELTON_MAVEN_URL", "http://127.0.0.1:9/maven2")
    with pytest.raises(DownloadError) as caught:
        distribution.fetch_broker()
    assert "\n" not in str(caught.value)
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(caught.value)
    assert list((cache / "kafka").iterdir()) == []


def test_kafka_home_is_used_where_it_is_set(cache: Path, clean_environ: pytest.MonkeyPatch) -> None:
    libs = cache / "unpacked" / "libs"
    libs.mkdir(parents=True)
    clean_environ.setenv("KAFKA_HOME", str(cache / "unpacked"))
    with pytest.raises(BrokerError, match="holds no libs/kafka_"):
        distribution.cached_classpath()
    (libs / "kafka_2.13-4.3.1.jar").touch()
    assert distribution.cached_classpath() == [libs / "kafka_2.13-4.3.1.jar"]


def fake_java(folder: Path, says: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("says", "version"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_411"', 8), ('openjdk version "25" 2025', 25), ("no idea", None)],
)
def test_the_java_version_is_read(tmp_path: Path, says: str, version: int | None) -> None:
    assert distribution.java_version(fake_java(tmp_path, says)) == version


def test_an_old_java_is_passed_over_for_the_one_in_the_wheel(tmp_path: Path, clean_environ: pytest.MonkeyPatch) -> None:
    old = fake_java(tmp_path / "old", 'java version "1.8.0_411"')
    clean_environ.setenv("JAVA_HOME", str(tmp_path / "old"))
    clean_environ.setenv("PATH", "")
    found = distribution.find_java()
    assert found != old
    assert (distribution.java_version(found) or 0) >= 17


def test_an_archive_of_classes_is_for_one_java_and_one_set_of_jars(cache: Path, jars: list[Path], tmp_path: Path) -> None:
    java, other = (fake_java(tmp_path / name, "any") for name in ("one", "other"))
    made = distribution.archive_of(java, jars)
    assert made == distribution.archive_of(java, jars)
    assert made.parent == cache / "kafka"
    assert distribution.archive_of(other, jars) != made
    assert distribution.archive_of(java, jars[:1]) != made
    os.utime(jars[0], ns=(1, 1))
    assert distribution.archive_of(java, jars) != made


def test_java_passes_over_a_damaged_archive(tmp_path: Path) -> None:
    damaged = tmp_path / "classes.jsa"
    damaged.write_bytes(b"no archive")
    command = [str(distribution.find_java()), f"-XX:SharedArchiveFile={damaged}", "-version"]
    assert b"version" in subprocess.run(command, check=True, capture_output=True).stderr
