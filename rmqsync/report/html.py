"""html."""

from __future__ import annotations

from rmqsync.report.document import FindingsDocument, PlanDocument


def plan(document: PlanDocument, **options: object) -> str:
    raise NotImplementedError


def findings(document: FindingsDocument, **options: object) -> str:
    raise NotImplementedError
