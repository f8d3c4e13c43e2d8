"""
Whole outputs, byte for byte, as they lie in `expected/`.

`RMQSYNC_WRITE_EXPECTED=1` writes them anew; what then differs in git is to be read, line by line.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rmqsync.report.document import FindingsDocument, PlanDocument
from rmqsync.report.formats import Format, render
from rmqsync.report.plan_json import findings_document, plan_document
from rmqsync.version import __version__
from tests.report import plans

EXPECTED = Path(__file__).parent / "expected"

DOCUMENTS: dict[str, PlanDocument | FindingsDocument] = {
    "fleet": plan_document(plans.FLEET),
    "one": plan_document(plans.ONE),
    "nothing": plan_document(plans.NOTHING),
    "partial": plan_document(plans.FLEET, plans.PARTIAL),
    "odd": plan_document(plans.ODD),
    "diff": plan_document(plans.ONE, sides=("rev:main", "cluster:shanghai")),
    "remarks": findings_document(plans.REMARKS),
    "valid": findings_document(()),
}
CASES = [(name, form, False) for name in DOCUMENTS for form in Format] + [
    (name, Format.TEXT, True) for name in ("one", "partial", "remarks")
]


@pytest.mark.parametrize(
    ("name", "form", "color"),
    CASES,
    ids=[f"{name}-{form.value}{'-color' if color else ''}" for name, form, color in CASES],
)
def test_a_document_is_rendered_as_expected(name: str, form: Format, color: bool) -> None:
    file = EXPECTED / f"{name}{'-color' if color else ''}.{form.value}"

    text = render(form, DOCUMENTS[name], color=color, key="team/mq")

    text = text.replace(__version__, "VERSION")
    if os.environ.get("RMQSYNC_WRITE_EXPECTED") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
    assert text.encode() == file.read_bytes()
