"""What has been written is on the disk when the call returns, under its name or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import psutil
import pytest

from trainer_node.commit import durable
from trainer_node.commit.durable import create_durably, naming, sha256_of, sync_file, sync_folder, write_durably


def open_files() -> int:
    return psutil.Process().num_fds()


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_call_returns(tmp_path, disk):
    path = tmp_path / "state.json"
    write_durably(path, b"new")
    assert disk.events == [("sync", "state.staging"), ("rename", "state.staging", "state.json"), ("sync", tmp_path.name)]
    assert disk.synced["state.staging"] == b"new"
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"state.json": b"new"}


def test_a_file_written_again_has_the_new_content_alone(tmp_path):
    path = tmp_path / "state.json"
    write_durably(path, b"long ago")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"


def test_of_those_who_create_a_file_one_succeeds_and_it_is_on_the_disk(tmp_path, disk):
    path = tmp_path / "1"
    create_durably(path, b"first")
    assert disk.events == [("sync", "1"), ("sync", tmp_path.name)]
    assert disk.synced["1"] == b"first"
    with pytest.raises(FileExistsError):
        create_durably(path, b"second")
    assert path.read_bytes() == b"first"


def test_a_file_and_a_folder_are_synced_themselves_and_nothing_stays_open(tmp_path, disk):
    path = tmp_path / "file"
    path.write_bytes(b"there")
    before = open_files()
    sync_file(path)
    sync_folder(tmp_path)
    assert disk.events == [("sync", "file"), ("sync", tmp_path.name)]
    assert open_files() == before


def test_a_hash_is_that_of_the_content(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"there")
    assert sha256_of(path) == hashlib.sha256(b"there").hexdigest()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_share_that_cannot_sync_a_folder_is_told_of_once_and_written_to(tmp_path, monkeypatch, caplog, number):
    """As SMB and some container mounts answer; no such file system can be mounted in a test."""

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "Invalid argument")

    monkeypatch.setattr(durable, "warned", set())
    monkeypatch.setattr(os, "fsync", refuse)
    for name in ("a", "b"):
        durable.write_durably(tmp_path / name, b"x")
    assert (tmp_path / "b").read_bytes() == b"x"
    (told,) = caplog.messages
    assert durable.file_system(tmp_path) in told
    assert "cannot sync a folder" in told


def test_any_other_failure_to_sync_a_folder_is_one(tmp_path, monkeypatch):
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        durable.sync_folder(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that has no room")
def test_what_a_disk_refuses_names_the_file(tmp_path):
    with (
        pytest.raises(OSError, match="No space left on device") as refused,
        naming(tmp_path / "mine"),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"x")
    assert refused.value.filename == str(tmp_path / "mine")
