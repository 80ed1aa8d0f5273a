"""Durable writes: what has been written here is on the disk when the call returns, and appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil


def sync_file(path: Path) -> None:
    """Have a file's content reach the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


NOT_HERE = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""How a file system says that it cannot do something at all, whatever is in its way now."""
MAKE_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
OF_THE_DISK = (*MAKE_ROOM, *NOT_ALLOWED, errno.EIO, errno.ESTALE)
"""A disk's own troubles, or its owner's: no fault of what reads or writes."""

logger = logging.getLogger(__name__)
warned: set[int] = set()
"""File systems that were told of."""


def sync_folder(folder: Path) -> None:
    """Have a folder's entries reach the disk: new names, renames, deletions.

    Some shares have no such thing; that is said once, and their own promises have to do.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
        _warn_once(folder.stat().st_dev, folder, error.strerror or str(error))
    finally:
        os.close(descriptor)


def as_the_umask_says(folder: Path) -> None:
    """Give a folder's files the rights that this process gives new files: safetensors writes its own for their owner alone."""
    probe = folder / ".rights"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    rights = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) != rights:
            with contextlib.suppress(PermissionError):  # of a share that knows no rights: they are what it says
                path.chmod(rights)


def _warn_once(device: int, folder: Path, why: str) -> None:
    """`device` is the file system's number: another folder of it says nothing new."""
    if device in warned:
        return
    warned.add(device)
    logger.warning(
        "the %s file system under %s cannot sync a folder (%s): after a power cut the newest checkpoint may be missing;"
        " an older one is then gone on from, and nothing is lost",
        file_system(folder), folder, why,
    )  # fmt: skip


def file_system(folder: Path) -> str:
    """The type of the file system that a folder is on, such as `ext4`; `unknown` where the machine does not say."""
    mounts = [mount for mount in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else "unknown"


def remedy(error: BaseException) -> str:
    """What a person is to do about a write that failed."""
    number = error.errno if isinstance(error, OSError) else None
    if number in MAKE_ROOM or (number is None and "space" in str(error).lower()):
        return "make room"
    if number in NOT_ALLOWED:
        return "let this user read and write there, or name another --run-dir"
    if number in NOT_HERE:
        return "name a --run-dir on a local disk: this file system lacks what a checkpoint needs"
    return "see to the disk"


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """What a disk says of a write names no file: in this block it names this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that appears by one rename. Killed at any point, the old content is there or the new one."""
    staging = path.with_suffix(".staging")
    with naming(path), staging.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    staging.replace(path)
    sync_folder(path.parent)


def create_durably(path: Path, content: bytes) -> None:
    """Create a file that must not exist yet.

    Raises:
        FileExistsError: it exists; of several processes that try, one succeeds.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    with naming(path), os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Hash of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
