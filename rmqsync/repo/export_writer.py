"""
Writes the tree of an export: whole or not at all, its secrets for their owner's eyes only.

Everything is written beside its place first and renamed into it at the end. An empty folder that is
there already keeps its inode and rights: it may be a mount, or somebody's current folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping

from rmqsync.model.errors import Refused, SourceError
from rmqsync.repo.local import reason

_PUBLIC = 0o777
_PRIVATE = 0o700


class ExportWriter:
    """Writes folders of files on the local disk; fits the port of `app.export`."""

    def write(
        self, directory: str, files: Mapping[str, str], private: str, secrets: Mapping[str, str]
    ) -> None:
        """
        Write `files` below `directory` and `secrets` below `private`, by relative path.

        Nothing is overwritten: raises `Refused` where a folder holds anything, and `SourceError`
        where the system says no; both leave everything as it was.
        """
        for folder in (directory, private):
            _refuse_full(folder)
        made: list[str] = []
        try:
            if secrets:
                _place(private, secrets, _PRIVATE, made)
            _place(directory, files, _PUBLIC, made)
        except BaseException as problem:
            for path in reversed(made):
                _remove(path)
            if isinstance(problem, OSError):
                raise SourceError(
                    f"'{directory}' cannot be written: {reason(problem)}"
                ) from problem
            raise


def _refuse_full(folder: str) -> None:
    try:
        with os.scandir(folder) as found:
            first = next(iter(found), None)
    except FileNotFoundError:
        if os.path.islink(folder):
            raise Refused(f"'{folder}' is a link that leads nowhere; remove it") from None
        return
    except NotADirectoryError:
        raise Refused(f"'{folder}' is a file; choose another folder with --dir") from None
    except OSError as problem:
        raise SourceError(f"'{folder}' cannot be read: {reason(problem)}") from problem
    if first is not None:
        raise Refused(
            f"folder '{folder}' is not empty, and an export overwrites nothing: move it away, or "
            "choose another with --dir"
        )


def _place(folder: str, files: Mapping[str, str], mode: int, made: list[str]) -> None:
    """Bring a folder into being in one step; `made` gets what is to be removed on a failure."""
    target = os.path.realpath(folder)
    is_there = os.path.isdir(target)
    parent = target if is_there else os.path.dirname(target)
    if not is_there:
        os.makedirs(parent, exist_ok=True)
    # Its rights are 0700, so nothing in it is seen before it is complete.
    draft = tempfile.mkdtemp(prefix=".rmqsync-export-", dir=parent)
    made.append(draft)
    for path, text in files.items():
        _write(os.path.join(draft, *path.split("/")), text, mode)
    if is_there:
        for name in sorted(os.listdir(draft)):
            os.rename(os.path.join(draft, name), os.path.join(target, name))
            made.append(os.path.join(target, name))
        os.rmdir(draft)
        if mode == _PRIVATE:
            os.chmod(target, mode)
    else:
        os.chmod(draft, mode & ~_mask())
        os.rename(draft, target)
        made.append(target)


def _write(path: str, text: str, mode: int) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, mode, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, mode & 0o666), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
