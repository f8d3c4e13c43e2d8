"""A changed password is one change to people, however the broker keeps it."""

from __future__ import annotations

import pytest

from rmqsync.kinds import KINDS
from rmqsync.model.changes import ABSENT, Cause, FieldChange
from rmqsync.report.stored import as_meant

COMES = FieldChange(("password",), ABSENT, {"secret": "ANN"}, sensitive=True, cause=Cause.DRIFT)
GOES = FieldChange(("password_hash",), "abc", ABSENT, sensitive=True, cause=Cause.DRIFT)
UNSAID = FieldChange(("hashing_algorithm",), "sha", ABSENT, cause=Cause.DRIFT)
ANOTHER = FieldChange(("password_hash",), "abc", "def", sensitive=True)
ALGORITHM = FieldChange(("hashing_algorithm",), "md5", "sha")
TAGS = FieldChange(("tags",), ["a"], [], cause=Cause.DRIFT)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        pytest.param(
            (UNSAID, COMES, GOES, TAGS), (COMES._replace(before="abc"), TAGS), id="password"
        ),
        pytest.param((TAGS,), (TAGS,), id="tags"),
        pytest.param((ALGORITHM, ANOTHER), (ALGORITHM, ANOTHER), id="declared as a hash"),
        pytest.param((COMES,), (COMES,), id="created"),
        pytest.param((UNSAID, GOES), (UNSAID, GOES), id="deleted"),
    ],
)
def test_of_a_user(fields: tuple[FieldChange, ...], shown: tuple[FieldChange, ...]) -> None:
    assert as_meant(KINDS["user"], fields) == shown


def test_other_kinds_keep_no_secret_otherwise() -> None:
    fields = (
        FieldChange(("src-uri",), ABSENT, "amqp://"),
        FieldChange(("dest-uri",), "amqp://", ABSENT),
    )

    assert as_meant(KINDS["shovel"], fields) == fields
