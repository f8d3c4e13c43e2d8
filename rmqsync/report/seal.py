"""
The digest of a saved plan's own text, so that a file that was changed is not taken for the plan.

A plan's fingerprint covers what is to be done and what judged it; what people read besides (causes,
findings, counts) it leaves out. The digest covers everything in the file. It is no signature: who
edits a file on purpose can work it out again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

from rmqsync.model.values import canonical
from rmqsync.report.document import PlanDocument

_KEY: Final = "digest"


def sealed(document: PlanDocument) -> PlanDocument:
    """Return the document with a digest of all else that is in it."""
    return cast(PlanDocument, {**document, _KEY: _digest(document)})


def is_whole(document: Mapping[str, Any]) -> bool:
    """
    Tell whether a document is as `--out` wrote it, but for white space and the order of keys.

    What was not saved, as the output of `plan --format json` is not, has no digest and is whole.
    """
    if _KEY not in document:
        return not any("layers" in cluster for cluster in document["clusters"])
    try:
        return bool(document[_KEY] == _digest(document))
    except RecursionError:  # some key that nobody wrote is nested as deep as could just be read
        return False


def _digest(document: Mapping[str, Any]) -> str:
    text = canonical({name: value for name, value in document.items() if name != _KEY})
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
