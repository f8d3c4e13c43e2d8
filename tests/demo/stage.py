"""How the demo is shown, and how it checks that what is shown is as told."""

import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_WIDTH = 92
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class NotAsTold(Exception):
    """A step did not end the way the demo says it does."""


@dataclass(slots=True)
class Stage:
    """Writes headings, explanations and commands, and runs the commands."""

    color: bool
    folder: Path
    """Where commands run."""
    environ: Mapping[str, str]
    times: list[tuple[str, float]] = field(default_factory=list)
    """Title and seconds of each step so far."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step, under a heading of its own; its time is kept."""
        number = len(self.times) + 1
        self.line()
        self.line(self._paint("1;36", f"── {number}. {title} ".ljust(_WIDTH, "─")))
        begun = time.monotonic()
        yield
        self.times.append((title, time.monotonic() - begun))

    def say(self, text: str) -> None:
        """A short explanation; line breaks in `text` do not count."""
        self.line()
        for line in textwrap.wrap(" ".join(text.split()), _WIDTH):
            self.line(line)

    def note(self, text: str) -> None:
        """A fact, on a line of its own."""
        self.line(f"  {self._paint('2', text)}")

    def line(self, text: str = "") -> None:
        print(text, flush=True)

    def run(self, *words: str, code: int = 0, told: tuple[str, ...] = (), most: int = 24) -> str:
        """Run `rmqsync WORDS` as a shell would show it; returns its output, without colour.

        At most `most` lines are shown, the first and the last of them. Raises NotAsTold unless it
        ends with `code` and each of `told` is in the output.
        """
        self.line()
        self.line(f"{self._paint('1;32', '$')} {self._paint('1', 'rmqsync ' + _quoted(words))}")
        # merged, as on a terminal: what people read beside the result is part of the show
        done = subprocess.run(
            [sys.executable, "-m", "rmqsync", *words],
            cwd=self.folder,
            env=dict(self.environ) | ({"FORCE_COLOR": "1"} if self.color else {"NO_COLOR": "1"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        plain = _ESCAPES.sub("", done.stdout)
        missing = [text for text in told if text not in plain]
        is_as_told = done.returncode == code and not missing
        self._show(done.stdout, most if is_as_told else sys.maxsize)
        if done.returncode != code:
            raise NotAsTold(f"rmqsync {words[0]} ended with {done.returncode}, not {code}")
        if missing:
            raise NotAsTold(f"rmqsync {words[0]} did not say: {missing[0]}")
        if code:
            self.note(f"(it ended with {code})")
        return plain

    def check(self, found: object, wanted: object, what: str) -> None:
        """Raise NotAsTold unless what was found is what was wanted."""
        if found != wanted:
            raise NotAsTold(f"{what}: {found}, not {wanted}")

    def sum_up(self) -> None:
        """The time of each step."""
        self.line()
        self.line(self._paint("1;36", "── Done ".ljust(_WIDTH, "─")))
        self.line()
        for number, (title, seconds) in enumerate(self.times, start=1):
            self.line(f"  {number:2}. {title:<66} {seconds:6.1f} s")
        total = sum(seconds for _, seconds in self.times)
        self.line(self._paint("1", f"      {'all of it':<66} {total:6.1f} s"))

    def fail(self, text: str) -> None:
        """Tell on stderr why the demo ends here."""
        sys.stdout.flush()
        print(self._paint("1;31", f"\ndemo: {text}"), file=sys.stderr, flush=True)

    def _show(self, text: str, most: int) -> None:
        lines = text.strip("\n").split("\n")
        head, tail = lines, list[str]()
        if len(lines) > most + 3:
            head, tail = lines[: most // 2], lines[-(most // 2) :]
        for line in head:
            self.line(f"  {line}" if line else "")
        if tail:
            left_out = len(lines) - len(head) - len(tail)
            self.line("  " + self._paint("2", f"⋮  {left_out} lines more"))
        for line in tail:
            self.line(f"  {line}" if line else "")

    def _paint(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color else text


def wants_color(environ: Mapping[str, str]) -> bool:
    """Whether to paint: on a terminal, unless the environment says otherwise."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _quoted(words: tuple[str, ...]) -> str:
    return " ".join(f"'{word}'" if re.search(r"[^\w@%+=:,./-]", word) else word for word in words)
