"""
JSON Schema checks: a fast yes or no, and an explanation of every no.

`jsonschema-rs` settles the valid case in a hundredth of the time `jsonschema` takes; only what it
refuses is explained, by `jsonschema`, whose errors `explain` turns into findings.
"""

from __future__ import annotations

from typing import Any

from rmqsync.model.findings import Finding
from rmqsync.text import codes
from rmqsync.text.document import Document


class Checker:
    """A JSON Schema (draft 2020-12), compiled once, on first use."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._fast: Any = None
        self._slow: Any = None

    def accepts(self, data: Any) -> bool:
        """
        Tell whether `data` surely fits.

        `False` may also mean that the fast checker could not tell: `findings` decides then.
        """
        if self._fast is None:
            import jsonschema_rs

            self._fast = jsonschema_rs.Draft202012Validator(self._schema)
        try:
            return bool(self._fast.is_valid(data))
        except Exception:  # whatever it cannot convert is for the other one to judge
            return False

    def findings(self, document: Document, *, code: str = codes.SCHEMA) -> list[Finding]:
        """Return all that does not fit, each with its place; none when all fits."""
        from rmqsync.text import explain

        if self._slow is None:
            from jsonschema import Draft202012Validator

            self._slow = Draft202012Validator(self._schema)
        errors = self._slow.iter_errors(document.data)
        found = explain.explain(errors, self._schema, document, code)
        return sorted(dict.fromkeys(found), key=lambda finding: finding.order)
