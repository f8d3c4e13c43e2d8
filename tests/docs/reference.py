"""
The parts of `docs/` that are made from the program's own tables.

`python -m tests.docs` writes them; `test_reference.py` fails where they are stale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rmqsync.config.secrets import Ref
from rmqsync.config.settings import SETTINGS, Daemon
from rmqsync.config.shapes import Either, Flag, ListOf, MapOf, Number
from rmqsync.config.tables import Partly, Table, options
from rmqsync.config.texts import Cron, Duration, Folder, Glob, KindGlob, Text, Url
from rmqsync.config.texts import Path as PathText
from rmqsync.config.urls import GitAddress
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.fields import Field, OnChange, Presence, Secrecy
from rmqsync.report.plan_schema import plan_schema

ROOT = Path(__file__).parents[2]
BEGIN = "<!-- made by python -m tests.docs: {} -->"
END = "<!-- end of what is made -->"


def settings_reference() -> str:
    """Every key of rmqsync.yaml, a table for each mapping."""
    return "\n".join(line for part in _tables("", SETTINGS) for line in (*part, ""))


def _tables(path: str, table: Table[Any], seen: set[type] | None = None) -> Iterator[list[str]]:
    seen = set() if seen is None else seen
    seen.add(table.cls)
    schema: Any = table.schema()
    lines = [f"### `{path}`" if path else "### Top level", ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    inner: list[tuple[str, Table[Any]]] = []
    for key, (option, _) in table.options.items():
        place = f"{path}.{key}" if path else key
        default = schema["properties"][key].get("default")
        shown = "**required**" if key in schema.get("required", ()) else _value(default)
        kind = _type(option.shape, place)
        lines.append(f"| `{key}` | {kind} | {shown} | {_cell(option.doc)} |")
        inner += _inner(place, option.shape)
    yield lines
    for place, one in inner:
        if one.cls not in seen:
            yield from _tables(place, one, seen)
    if path == "":
        yield _references()


def _inner(place: str, shape: Any) -> list[tuple[str, Table[Any]]]:
    if isinstance(shape, Table):
        return [(place, shape)]
    if isinstance(shape, ListOf):
        return _inner(f"{place}[]", shape.shape)
    if isinstance(shape, MapOf):
        return _inner(f"{place}.NAME", shape.shape)
    return []


def _references() -> list[str]:
    properties: Any = SETTINGS.options["secrets"][0].shape.schema()["additionalProperties"]
    lines = ["### `secrets.NAME`, and every other reference to a secret", ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, schema in properties["properties"].items():
        kind = "list of patterns" if key == "for" else "string"
        default = "**required** in `secrets`" if key == "for" else "exactly one of env, file"
        lines.append(f"| `{key}` | {kind} | {default} | {_cell(schema['description'])} |")
    tokens: Any = options(Daemon)["tokens"][0].shape.schema()["additionalProperties"]
    can = tokens["properties"]["can"]
    words = ", ".join(f"`{word}`" for word in can["items"]["enum"])
    lines += ["", "### `daemon.tokens.NAME`", "", "As above, and:", ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    default, meaning = _value(can["default"]), can["description"]
    lines.append(f"| `can` | list: {words} | {default} | {meaning} |")
    return lines


_WORDS: tuple[tuple[type, str], ...] = (
    (Flag, "`true` or `false`"),
    (Duration, "duration, as `5m`"),
    (Cron, "cron line"),
    (Glob, "pattern of addresses"),
    (KindGlob, "kind"),
    (PathText, "path"),
    (Folder, "folder"),
    (GitAddress, "repository"),
    (Url, "URL"),
    (Text, "string"),
    (Ref, "`{env: NAME}` or `{file: PATH}`"),
    (Either, "URL, or `{env: NAME}` or `{file: PATH}`"),
    (Partly, "mapping, as `clusters.NAME`"),
)


def _type(shape: Any, place: str) -> str:
    if isinstance(shape, ListOf):
        return f"list: {_type(shape.shape, place)}"
    if isinstance(shape, MapOf):
        return f"mapping of names to: {_type(shape.shape, place)}"
    if isinstance(shape, Table):
        return "mapping"
    if isinstance(shape, Number):
        schema: Any = shape.schema()
        most = f" to {schema['maximum']:g}" if "maximum" in schema else " or more"
        return f"{schema['type']}, {schema['minimum']:g}{most}"
    for cls, words in _WORDS:
        if isinstance(shape, cls):
            return words
    return " \\| ".join(f"`{word}`" for word in shape.schema()["enum"])


def _value(value: Any) -> str:
    return "–" if value is None else f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    """Text safe in a cell of a Markdown table."""
    shown = " ".join(text.split()).replace("|", "\\|")
    return re.sub(r"(?<!`)(\*[^ ]|[<>])", lambda m: f"\\{m[0]}", shown)


def kinds_reference() -> str:
    """Every kind and its fields."""
    return "\n".join(line for kind in KINDS for line in (*_kind(kind), ""))


def _kind(kind: Kind) -> Iterator[str]:
    yield f"### {kind.label}"
    yield ""
    yield f"- Section: {_section(kind)}"
    yield f"- Address: `{kind.address(kind.complete(kind.shape(dict(kind.example))))}`"
    if kind.in_vhost:
        yield "- In a vhost: `vhost` of its own, of the entry it is nested in, or of the file"
    yield f"- Loss: deleting `{kind.loss.word}`, creating `{kind.create_loss.word}`, " + (
        f"changing `{kind.update_loss.word}`" if kind.fields else "never changed: all is identity"
    )
    if kind.starts_over:
        yield "- Loss where it deletes itself, and would do its work once more: `messages`"
    goes = [KINDS[name].label for name in KINDS.names if name in kind.takes_down]
    if goes:
        yield f"- Goes with it when it is deleted: {', '.join(goes)}"
    if kind.spared_by_prune_all:
        yield f"- Spared by `prune: all`, unless `prune_kinds` names `{kind.name}`"
    nested = [f"`{one.field}`" for one in kind.nested]
    if kind.hosts_vhost_kinds:
        nested.append("the section of every kind that lives in a vhost")
    if nested:
        yield f"- May hold: {', '.join(nested)}"
    yield ""
    yield "| field | default | change in place | secret | meaning |"
    yield "|---|---|---|---|---|"
    for field in kind.identity:
        yield _row(field, "identity")
    for field in kind.fields:
        yield _row(field, "yes" if field.on_change is OnChange.UPDATE else "no: replaced")
    for name, schema in kind.extra_schema.items():
        words = _cell(str(schema.get("description", "")))
        yield f"| `{name}` | – | short form | – | {words} |"


def _section(kind: Kind) -> str:
    if kind.section:
        raw = f", or `parameters` with component `{kind.component}`" if kind.component else ""
        return f"`{kind.section}`{raw}"
    raw = f", or `parameters` with component `{kind.component}`" if kind.component else ""
    holders = [
        f"`{other.section}[].{nested.field}`"
        for other in KINDS
        for nested in other.nested
        if nested.kind == kind.name
    ]
    return f"{', '.join(holders)}{raw}"


_DEFAULTS = {
    Presence.REQUIRED: "**required**",
    Presence.OPTIONAL: "live value stays",
    Presence.UNSET: "not set",
}
_SECRETS = {
    Secrecy.NONE: "–",
    Secrecy.VALUE: "always",
    Secrecy.URI: "with credentials",
}


def _row(field: Field, changes: str) -> str:
    default = field.default
    shown = _DEFAULTS[default] if isinstance(default, Presence) else _value(default)
    if default is None:
        shown = "`null`"
    words = _cell(str(field.schema.get("description", "")))
    secret = "salted hash" if field.may_be_plain else _SECRETS[field.secret]
    return f"| `{field.name}` | {shown} | {changes} | {secret} | {words} |"


def plan_schema_text() -> str:
    """The JSON Schema of a plan, as a file."""
    return json.dumps(plan_schema(), indent=2) + "\n"


MADE = {
    "docs/configuration.md": {"settings": settings_reference},
    "docs/definitions.md": {"kinds": kinds_reference},
}
"""By file, what is made for it by name."""


WHOLE = {"docs/plan.schema.json": plan_schema_text}
"""Files that are made as a whole."""


def with_made(text: str, name: str, made: str) -> str:
    """Return `text` with the part called `name` in it replaced."""
    begin = BEGIN.format(name)
    before, found, rest = text.partition(begin)
    assert found, f"{begin} is missing"
    _, found, after = rest.partition(END)
    assert found, f"{END} is missing"
    return f"{before}{begin}\n\n{made.strip()}\n\n{END}{after}"
