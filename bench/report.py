"""What was measured, as lines while it goes and as a Markdown table at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it should be at most."""

    case: str
    what: str
    value: float
    target: float
    unit: str = ""
    """`×` for a ratio; empty for a count."""
    detail: str = ""

    @property
    def is_met(self) -> bool:
        return self.value <= self.target

    @property
    def verdict(self) -> str:
        return "PASS" if self.is_met else "over target"

    def __str__(self) -> str:
        detail = f"  ({self.detail})" if self.detail else ""
        value, target = self.shown(self.value), self.shown(self.target)
        return f"{self.verdict}: {self.case}: {self.what} {value}, target {target}{detail}"

    def shown(self, number: float) -> str:
        digits = 0 if not self.unit or self.unit in ("ms", "MB") else 3 if number < 1 else 2
        return f"{number:.{digits}f}{' ' if self.unit.isalpha() else ''}{self.unit}"


def table(figures: Iterable[Figure], about: str) -> str:
    """Return all figures as Markdown, with a line on what they were measured on."""
    lines = [
        about,
        "",
        "| case | figure | measured | target | | from |",
        "|---|---|---|---|---|---|",
    ]
    for one in figures:
        value, target = one.shown(one.value), f"≤ {one.shown(one.target)}"
        verdict = one.verdict if one.is_met else f"**{one.verdict}**"
        cells = (one.case, one.what, value, target, verdict, one.detail)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def middle(numbers: Sequence[float]) -> float:
    return float(median(numbers))


def spread(numbers: Sequence[float], unit: str = "s") -> str:
    """Return a median with the least and the greatest."""
    return f"{middle(numbers):.2f} {unit} [{min(numbers):.2f}–{max(numbers):.2f}]"
