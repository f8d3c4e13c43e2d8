"""Values against their tables: does one fit, and if not, what would; which word was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rmqsync.model.values import JsonObject, is_secret_reference

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}


def misfit(schema: JsonObject, value: object) -> str | None:
    """
    Return in words what `value` should be, `None` where it fits.

    Knows as much of JSON Schema as the tables of kinds use. What people write has been checked
    against all of it before; this is for rows that came out of a raw runtime parameter.
    """
    choices = schema.get("anyOf")
    if isinstance(choices, Sequence) and not isinstance(choices, str):
        found = [misfit(one, value) for one in choices if isinstance(one, Mapping)]
        return None if None in found else " or ".join(text for text in found if text)
    if "const" in schema:
        return None if value == schema["const"] else f"{schema['const']!r}"
    words = schema.get("enum")
    if isinstance(words, Sequence):
        fits = isinstance(value, str) and value in words
        return None if fits else f"one of {', '.join(map(str, words))}"
    return _plain_misfit(schema, value)


def _plain_misfit(schema: JsonObject, value: object) -> str | None:
    kind = schema.get("type")
    if not isinstance(kind, str):
        return None
    wanted = f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"
    low = schema.get("minimum")
    if isinstance(low, int):
        wanted = f"{wanted}, {low} or more"
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return wanted
    if isinstance(low, int) and isinstance(value, int | float) and value < low:
        return wanted
    if value == "" and schema.get("minLength"):
        return f"{wanted} that is not empty"
    if isinstance(value, dict):
        return _inner_misfit(schema, value)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        inner = (misfit(items, one) for one in value if not is_secret_reference(one))
        text = next((text for text in inner if text), None)
        return f"a list, each {text}" if text else None
    return None


def _inner_misfit(schema: JsonObject, value: dict[str, object]) -> str | None:
    known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, inner in value.items():
        own = known.get(name, more) if isinstance(known, Mapping) else more
        if own is False:
            return f"an object without {name}"
        text = misfit(own, inner) if isinstance(own, Mapping) else None
        if text:
            return f"an object in which {name} is {text}"
    return None


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` was probably meant to be."""
    from difflib import get_close_matches

    found = get_close_matches(word.lower().replace("_", "-"), list(known), n=1)
    return found[0] if found else None


def mangled(tags: list[str]) -> list[str]:
    """
    Return tags as RabbitMQ gives them back where it stores the bytes of UTF-8 as characters.

    Seen for tags of vhosts on 3.10, and for tags of users on 3.10, 4.0 and 4.3.
    """
    return sorted(tag.encode("utf-8", "surrogatepass").decode("latin-1") for tag in tags)


def unmangled(tags: list[str]) -> list[str]:
    """Return such tags as they were written; what cannot be undone is left."""
    return [_unmangled(tag) for tag in tags]


def _unmangled(tag: str) -> str:
    try:
        return tag.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return tag
