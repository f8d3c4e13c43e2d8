"""PyYAML's event stream: libyaml's where PyYAML was built with it, else the one in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

try:
    from yaml._yaml import CParser
except ImportError:  # pragma: no cover - all wheels have it
    CParser = None  # type: ignore[misc, assignment]


class PythonParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """The same events, ten times slower."""

    def __init__(self, source: bytes) -> None:
        yaml.reader.Reader.__init__(self, source)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


def events(content: bytes, *, unbounded: bool = False) -> Callable[[], Any]:
    """
    Return a function that gives the next event of `content`; it raises `yaml.YAMLError`.

    `unbounded`: by the parser that has no bound on depth of its own.
    """
    slow = unbounded or CParser is None
    parser: Any = PythonParser(content) if slow else CParser(content)
    get_event: Callable[[], Any] = parser.get_event
    return get_event


def is_too_deep(problem: yaml.YAMLError) -> bool:
    """
    Tell whether libyaml gave up since a text is nested more than 1,000 deep.

    It reads ahead, so that it may do so before the first event.
    """
    words = problem.problem if isinstance(problem, yaml.MarkedYAMLError) else None
    return "nesting" in (words or "")
