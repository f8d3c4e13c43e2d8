"""One line of the table that schema, defaults, diff and redaction all read: `Field`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from rmqsync.model.values import JsonObject, JsonValue


class Presence(Enum):
    """What it means when a field is not written."""

    REQUIRED = "required"
    OPTIONAL = "optional"  # no default: the row has no such key, and the live value stays
    UNSET = "unset"  # no default: the row has no such key, and neither has the live object


REQUIRED: Final = Presence.REQUIRED
OPTIONAL: Final = Presence.OPTIONAL
UNSET: Final = Presence.UNSET


class OnChange(Enum):
    UPDATE = "update"
    REPLACE = "replace"


class Secrecy(Enum):
    """What of a field must never be shown."""

    NONE = "none"
    VALUE = "value"  # all of it: passwords, hashes
    URI = "uri"  # a URI, or a list of them, when it holds credentials


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the table that schema, defaults, diff and redaction all read."""

    name: str
    """The broker's own spelling, hyphens and all: "apply-to", "auto_delete"."""
    schema: JsonObject
    """JSON Schema of the value, with a `description`."""
    default: JsonValue | Presence = REQUIRED
    on_change: OnChange = OnChange.UPDATE
    secret: Secrecy = Secrecy.NONE
    """Anything but `NONE` also lets the field hold `{secret: NAME}`."""
    may_be_plain: bool = False
    """Secret, and yet allowed in a file as it is: a salted hash."""
    of_secret: bool = False
    """Says how the secret beside it is stored: it is written with that, by whoever writes that."""


NAME: Final = Field("name", {"type": "string", "description": "Name of the object."})
BOOLEAN: Final[JsonObject] = {"type": "boolean"}
