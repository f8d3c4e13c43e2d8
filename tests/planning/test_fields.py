"""Which fields of an object differ."""

from rmqsync.kinds import KINDS
from rmqsync.model.changes import ABSENT
from rmqsync.planning.fields import changed_fields


def test_a_row_that_lacks_nearly_all_fields_is_compared_field_by_field():
    """As a vhost in an export of 3.10 against the vhost itself: deepdiff would give up on it."""
    bare = {"name": "/"}
    whole = {"name": "/", "description": "of all", "tags": [], "tracing": False}

    found = changed_fields(KINDS["vhost"], bare, whole)

    assert [(one.path, one.before, one.after) for one in found] == [
        (("description",), ABSENT, "of all"),
        (("tags",), ABSENT, []),
        (("tracing",), ABSENT, False),
    ]
