"""What to say of an error that nobody expected: where it was, and no value, which may be secret."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Iterator
from pathlib import Path

from rmqsync.version import __version__

WHOLE = "RMQSYNC_TRACEBACK"
"""Set in the environment it lets the error through, with its message and all lines of code."""

_ROOT = Path(__file__).parents[2]


def told(error: BaseException) -> str:
    """Return a text for a report: sorts of error, files, lines and functions only."""
    head = [
        f"error: this is a defect in rmqsync: {type(error).__name__}",
        f"hint: please report it with these lines, which show no values; {WHOLE}=1 shows all",
        f"  rmqsync {__version__}, Python {platform.python_version()}, {platform.platform()}",
    ]
    return "\n".join([*head, trace(error)])


def trace(error: BaseException) -> str:
    """Return what led to an error, and where: sorts of error, files, lines and functions only."""
    lines = []
    for one in _chain(error):
        lines.append(f"  {type(one).__name__}")
        lines += [
            f"    {_short(frame.filename)}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(one.__traceback__)
        ]
    return "\n".join(lines)


def briefly(error: BaseException) -> str:
    """Return the sort of an error and the place it comes from, in half a sentence."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"this is a defect in rmqsync: {type(error).__name__}{place}; please report it"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to an error, the first one first, and the error."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before)
    yield error


def _short(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(_ROOT / "rmqsync"):
        return str(path.relative_to(_ROOT))
    return "/".join(path.parts[-2:])
