"""The export's file: a plain ZIP, mode 0600, complete or not there at all.

Written beside its place under a passing name, made durable, then renamed. A mark in the archive's comment says whose it
is: her own earlier export is replaced. Refuses to write over anything else, through a link, or into a folder that is
not there.
"""

import errno
import io
import os
import secrets
import stat
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from privet.errors import InvalidInput, Unavailable

_MARK = b"privet export 1 "
_FIRST_YEAR = 1980


def check_place(path: Path, owner: bytes) -> None:
    """Raises InvalidInput unless an export of `owner` may be written here. Nothing is written."""
    if not path.name:
        raise _refuse("name a file for the export")
    try:
        if not stat.S_ISDIR(path.parent.stat().st_mode):
            raise _refuse("the folder for the export is not a folder")
        found = path.lstat()
    except FileNotFoundError:
        if not path.parent.exists():
            raise _refuse("the folder for the export does not exist; make it first") from None
        return
    except OSError as error:
        raise _failed(error) from None
    except ValueError:  # a null byte, or half a character
        raise _refuse("the export's path cannot be used; choose another") from None
    if stat.S_ISLNK(found.st_mode):
        raise _refuse("the export's path is a link; name the file itself")
    if not stat.S_ISREG(found.st_mode):
        raise _refuse("something that is not a file has the export's name")
    if not _is_own(path, owner):
        raise _refuse("a file that is no earlier export of this person has that name; choose another")


def write_archive(path: Path, files: Mapping[str, bytes], *, owner: bytes, at: datetime) -> None:
    """Writes the archive, durably. `owner`: 16 bytes that stand for her in her papers.

    Raises InvalidInput for a place where it may not stand, Unavailable when the disk is full or refuses; then there is
    no file, or the earlier export is untouched.
    """
    check_place(path, owner)
    data = pack_archive(files, owner=owner, at=at)
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            check_place(path, owner)
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise _failed(error) from None


def pack_archive(files: Mapping[str, bytes], *, owner: bytes, at: datetime) -> bytes:
    """The archive's bytes, made in memory: for whoever hands it to her without a file of ours."""
    moment = (max(at.year, _FIRST_YEAR), at.month, at.day, at.hour, at.minute, at.second)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            archive.writestr(info, content)
        archive.comment = _MARK + owner.hex().encode()
    return buffer.getvalue()


def _is_own(path: Path, owner: bytes) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == _MARK + owner.hex().encode()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse(why: str) -> InvalidInput:
    return InvalidInput(why, field="path")


def _failed(error: OSError) -> InvalidInput | Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("the disk is full; no export was written: make room, then try again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unavailable("the export cannot be written: its folder is read-only or not yours")
    if error.errno in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP):
        return _refuse("the export's path cannot be used; choose another")
    return Unavailable("the disk refuses to write the export; no file was written")
