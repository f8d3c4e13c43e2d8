"""One change as the lines that Terraform would show, before a format puts its marks on them."""

from __future__ import annotations

from typing import NamedTuple

from rmqsync.model.counts import number_of
from rmqsync.report import words
from rmqsync.report.document import SENSITIVE, ChangeDocument, FieldDocument, PlanDocument
from rmqsync.report.escape import path, shortened, value, visible

SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "-/+"}
LEGEND = {
    "create": "create",
    "update": "update in-place",
    "delete": "destroy",
    "replace": "destroy and then create replacement",
}

_WORST = ("routing", "access", "messages", "everything")
_WIDEST_PATH = 44
_MANY_IMPLIED = 5


class Line(NamedTuple):
    sign: str
    """`#` for a remark, `+ ~ - -/+`, or nothing for the closing brace."""
    depth: int
    text: str
    note: str = ""
    """Shown behind the text, after `#`."""


class Detail(NamedTuple):
    """How much of a change to show."""

    implied: int | None = _MANY_IMPLIED
    fields: int | None = None
    width: int | None = None
    """Of one line; what is longer ends in `…`."""


FULL = Detail(implied=None)


def lines(change: ChangeDocument, document: PlanDocument, detail: Detail) -> list[Line]:
    """Return the lines of one change: what becomes of it, facts, why it is held, the object."""
    head = f"{words.subject(change)} {words.verb(change, document)}"
    found = [Line("#", 0, one) for one in (head, *facts(change, detail), *_reasons(change))]
    return _cut(found, detail) + body(change, document, detail)


def body(change: ChangeDocument, document: PlanDocument, detail: Detail) -> list[Line]:
    """Return the lines of the object itself: address and fields."""
    sign = SIGNS[change["action"]]
    address = visible(change["address"])
    notes = [words.place(change["source"])]
    if change["loss"] in _WORST and "sides" not in document:
        notes.append(f"loss: {change['loss']}")
    note = ", ".join(filter(None, notes))
    if not change["fields"]:
        return _cut([Line(sign, 0, address, note)], detail)
    fields = _fields(change["fields"], detail)
    return _cut([Line(sign, 0, f"{address} {{", note), *fields, Line("", 0, "}")], detail)


def facts(change: ChangeDocument, detail: Detail) -> list[str]:
    """Return what is to be known of a change besides its fields: cause, impact, what goes too."""
    found = [f"({cause})"] if (cause := words.cause(change)) else []
    return [*found, *_impact(change), *_implied(change, detail)]


def _reasons(change: ChangeDocument) -> list[str]:
    hold, error = change["hold"], change.get("error")
    if hold is None:
        return [visible(error)] if error else []
    found = [f"held ({visible(hold['code'])}): {visible(hold['reason'])}"]
    return found + (words.override(hold["override"]) if hold["override"] else [])


def _cut(found: list[Line], detail: Detail) -> list[Line]:
    if detail.width is None:
        return found
    return [
        line._replace(
            text=shortened(line.text, detail.width), note=shortened(line.note, detail.width)
        )
        for line in found
    ]


def _impact(change: ChangeDocument) -> list[str]:
    messages, consumers = change["impact"]["messages"], change["impact"]["consumers"]
    parts = [f"holds {number_of(messages, 'message')}"] if messages else []
    parts += [f"has {number_of(consumers, 'consumer')}"] if consumers else []
    return [f"({', '.join(parts)})"] if parts else []


def _implied(change: ChangeDocument, detail: Detail) -> list[str]:
    implied = change["impact"]["implied"]
    if not implied:
        return []
    back = ", put back in the same run" if change["action"] == "replace" else ""
    shown = implied if detail.implied is None else implied[: detail.implied]
    found = [f"takes {number_of(len(implied), 'object')} down with it{back}:"]
    found += [f"  {visible(words.sentence(address))}" for address in shown]
    if len(shown) < len(implied):
        found.append(f"  and {len(implied) - len(shown)} more")
    return found


def _fields(fields: list[FieldDocument], detail: Detail) -> list[Line]:
    # One with neither side was taken away by a hand: that is told, and nothing is to be done to it.
    fields = [one for one in fields if "before" in one or "after" in one]
    if not fields:
        return []
    shown = fields if detail.fields is None else fields[: detail.fields]
    paths = [path(field["path"]) for field in shown]
    widest = min(max(map(len, paths)), _WIDEST_PATH)
    found = [_field(field, f"{name:<{widest}}") for field, name in zip(shown, paths, strict=True)]
    if len(shown) < len(fields):
        found.append(Line("#", 1, f"and {number_of(len(fields) - len(shown), 'more field')}"))
    return found


def _field(field: FieldDocument, name: str) -> Line:
    note = "forces replacement" if field["forces_replacement"] else ""
    if "before" not in field:
        return Line("+", 1, f"{name} = {value(field.get('after'))}", note)
    before = value(field["before"])
    if "after" not in field:
        return Line("-", 1, f"{name} = {before} -> null", note)
    if field["after"] == SENSITIVE:
        return Line("~", 1, f"{name} = {before}", note)
    return Line("~", 1, f"{name} = {before} -> {value(field['after'])}", note)
