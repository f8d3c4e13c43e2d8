"""Files of our own: written whole or not at all, private where they may hold secrets."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping

from rmqsync.model.errors import SourceError


def read_bytes(path: str) -> bytes:
    """Return a file's content; raises `SourceError` naming the file and why."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as problem:
        raise SourceError(f"'{path}' cannot be read: {reason(problem)}") from problem


def write_atomic(path: str, content: bytes, *, private: bool = False) -> None:
    """
    Put `content` in the place of `path`, which others see either as it was or as it will be.

    A new file gets the usual rights, with `private` always 0600; a file that is there keeps its
    own otherwise. A link is followed. Raises `SourceError`; nothing is left behind then.
    """
    target = os.path.realpath(path)
    try:
        mode = 0o600 if private else _mode(target)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=os.path.dirname(target))
        try:
            with open(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as problem:
        raise SourceError(f"'{path}' cannot be written: {reason(problem)}") from problem


def make_private_folder(path: str) -> str:
    """Make a folder that only its owner can enter (0700), if it is not there; return its path."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        if not os.path.isdir(path):
            raise NotADirectoryError(None, "it is a file")
    except OSError as problem:
        raise SourceError(
            f"folder '{path}' cannot be made: {reason(problem)}; choose another with --data-dir"
        ) from problem
    return path


def data_folder(chosen: str | None, environ: Mapping[str, str], outside: Iterable[str] = ()) -> str:
    """
    Return the folder for history, backups and caches, without making it.

    `chosen` is what `--data-dir` says; else it is `rmqsync` in the XDG state folder. Raises
    `SourceError` for a folder inside one of `outside`, the folders of definitions: what is written
    there could be committed.
    """
    folder = os.path.abspath(chosen or _state_folder(environ))
    for place in outside:
        inside = os.path.realpath(place)
        if os.path.commonpath([inside, os.path.realpath(folder)]) == inside:
            raise SourceError(
                f"data folder '{folder}' is inside the definitions in '{place}', where backups "
                "could be committed; choose another with --data-dir"
            )
    return folder


def _state_folder(environ: Mapping[str, str]) -> str:
    state = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # the XDG specification has relative ones ignored
        return os.path.join(state, "rmqsync")
    home = environ.get("HOME")
    if not home:
        raise SourceError("there is no home folder for the data of rmqsync; set --data-dir")
    return os.path.join(home, ".local", "state", "rmqsync")


def reason(problem: OSError) -> str:
    """Return why the system said no, in its own words."""
    return (problem.strerror or str(problem)).lower()


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
