"""Passwords that appear nowhere else, and a search for each of them in whatever comes out."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus


class Planted:
    """Secrets by the place they were put in."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def password(self, place: str) -> str:
        """Make a password for a place; signs that URLs, JSON, HTML and YAML write otherwise."""
        return self.add(place, f"kw9{place.replace(' ', '')}/+&<3>'é\"x{len(self.values)}")

    def add(self, place: str, value: str) -> str:
        """Look for a value that was made elsewhere as well."""
        assert len(value) >= 8
        self.values[place] = value
        return value

    def found_in(self, content: str | bytes, but: Iterable[str] = ()) -> set[str]:
        """Return the places whose secrets are in a text, in any way of writing them."""
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        left_out = set(but)
        return {
            place
            for place, value in self.values.items()
            if place not in left_out and any(form in text for form in forms(value))
        }

    def found_below(self, folder: Path, but: Iterable[str] = ()) -> dict[str, set[str]]:
        """Return what is found in the files of a folder, and in their names."""
        found = {}
        for path in sorted(folder.rglob("*")):
            content = path.read_bytes() if path.is_file() else b""
            places = self.found_in(path.name, but) | self.found_in(content, but)
            if places:
                found[str(path.relative_to(folder))] = places
        return found


def forms(value: str) -> set[str]:
    """Return how programs write a text: quoted for URLs, JSON, HTML, shells, Python, or base64."""
    found = {
        value,
        quote(value),
        quote(value, safe=""),
        quote(value, safe="").lower(),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        html.escape(html.escape(value)),
        repr(value)[1:-1],
        ascii(value)[1:-1],
        value.replace("'", "''"),
        re.sub(r"([\\'\"])", r"\\\1", value),
        value.encode().hex(),
        value.encode().hex().upper(),
    }
    return found | _base64(value.encode())


def _base64(raw: bytes) -> set[str]:
    """Return what base64 of any text shows of `raw` in it, wherever in that text it stands."""
    found = set()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        core = whole[(before * 8 + 5) // 6 : len(whole) - 2]
        found |= {core, core.replace("+", "-").replace("/", "_")}
    return found
