"""What lets a held change go ahead: whole commands, and what to write where. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from rmqsync.planning.approvals import APPROVABLE as _CODES
from rmqsync.report.document import ChangeDocument, HoldDocument
from rmqsync.report.words import is_written

_APPROVABLE = frozenset(code.value for code in _CODES)
MOST_AT_ONCE = 1000
"""Addresses that one approval takes."""


class Ways(NamedTuple):
    commands: tuple[str, ...] = ()
    """As one types them, each enough by itself."""
    written: str | None = None
    """What to write into which file instead; a sentence with code between backticks."""


class Together(NamedTuple):
    """Held changes that one approval may allow."""

    code: str
    """Why they are held, as `held_for` says it."""
    addresses: list[str]


def is_approvable(hold: HoldDocument) -> bool:
    """Tell whether a person's approval allows what is held, with all that stands behind it."""
    return _APPROVABLE.issuperset(_codes(hold))


def held_for(hold: HoldDocument) -> str:
    """Return the codes of a hold: `drift`, or `drift and loss`."""
    return " and ".join(_codes(hold))


def _codes(hold: HoldDocument) -> list[str]:
    return [hold["code"], *hold.get("also", [])]


def ways(cluster: str, change: ChangeDocument) -> Ways:
    """Return what allows a held change of a cluster; nothing where nothing does."""
    hold = change["hold"]
    if hold is None:
        return Ways()
    commands = []
    if is_approvable(hold):
        commands.append(shlex.join(["rmqsync", "approve", cluster, change["address"]]))
    override, written = hold["override"], None
    apply = shlex.join(["rmqsync", "apply", "--cluster", cluster])
    if override is None:
        pass
    elif override.startswith("--"):
        commands.append(f"{apply} {shlex.join(override.split(' '))}")
    elif override.startswith("rmqsync "):
        commands.append(override)
    else:
        written = _written(cluster, change, override)
        if _codes(hold) == ["drift"]:  # a person who sees the plan and says yes applies it all
            commands.append(apply)
    return Ways(tuple(dict.fromkeys(commands)), written)


def _written(cluster: str, change: ChangeDocument, override: str) -> str:
    source = change["source"]
    match override:
        case "state: absent":
            return "declare it in the definitions with `state: absent`"
        case "on_change: recreate":
            place = f", at {source['file']}:{source['line']}" if source else ""
            return f"write `on_change: recreate` into its definition{place}"
        case "on_drift: heal":
            return (
                f"write `on_drift: heal` in the settings, below `clusters:` and `{cluster}:`; "
                "then all drift is undone at once, always"
            )
    if override.startswith("state: absent "):
        return "declare each of them in the definitions with `state: absent`"
    if not is_written(override):
        return override
    return f"write `{override}` into the definitions"


def together(held: Iterable[ChangeDocument]) -> list[Together]:
    """Return what may be approved at once: at least two that are held for the same reason."""
    found: dict[str, list[str]] = {}
    for one in held:
        if one["hold"] is not None and is_approvable(one["hold"]):
            found.setdefault(held_for(one["hold"]), []).append(one["address"])
    return [Together(code, addresses) for code, addresses in found.items() if len(addresses) > 1]
