"""
SARIF 2.1.0, for code scanning.

Code scanning refuses a result without a place in a file. What has none, a deletion say, is put on
the first line of the settings.
"""

from __future__ import annotations

import hashlib
import json
from typing import TypeAlias
from urllib.parse import quote

from rmqsync.report.document import FindingsDocument, PlanDocument
from rmqsync.report.escape import visible
from rmqsync.report.marks import RULES, Mark, of_findings, of_plan
from rmqsync.report.plan_json import dumps
from rmqsync.version import __version__

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SETTINGS = "rmqsync.yaml"
_LEVELS = ("error", "warning", "note")

_Object: TypeAlias = dict[str, object]


def plan(document: PlanDocument) -> str:
    """Return findings, held changes, deletions, replacements and failures as results."""
    return _log(of_plan(document))


def findings(document: FindingsDocument) -> str:
    return _log(of_findings(document))


def _log(marks: list[Mark]) -> str:
    codes = sorted({mark.code for mark in marks})
    index = {code: number for number, code in enumerate(codes)}
    driver: _Object = {
        "name": "rmqsync",
        "version": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run: _Object = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(mark, index[mark.code]) for mark in marks],
    }
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(code: str) -> _Object:
    text = RULES[code].description if code in RULES else code
    return {"id": code, "shortDescription": {"text": text}}


def _result(mark: Mark, rule: int) -> _Object:
    region = {"startLine": mark.line or 1}
    if mark.line and mark.column:
        region["startColumn"] = mark.column
    location: _Object = {
        "physicalLocation": {"artifactLocation": {"uri": _uri(mark.file)}, "region": region}
    }
    if mark.address is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": visible(mark.address)}]
    return {
        "ruleId": mark.code,
        "ruleIndex": rule,
        "level": mark.level if mark.level in _LEVELS else "note",
        "message": {"text": visible(mark.message)},
        "locations": [location],
        "partialFingerprints": {"rmqsync/v1": _fingerprint(mark)},
    }


def _uri(file: str | None) -> str:
    if file is None:
        return _SETTINGS
    path = quote(file, safe="/", errors="surrogatepass")
    return f"file://{path}" if file.startswith("/") else path


def _fingerprint(mark: Mark) -> str:
    """Return what stays when lines move."""
    text = json.dumps([mark.code, mark.file, mark.address, mark.message])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
