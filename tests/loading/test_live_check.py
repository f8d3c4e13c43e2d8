"""What only a look at the cluster can tell."""

import pytest

from rmqsync.kinds.context import Context
from rmqsync.loading.compile import check_for_cluster
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Live
from rmqsync.model.errors import InvalidDefinitions
from tests.loading.files import compiled

VHOST = {"vhost": {("/",): {"name": "/"}}}


def live(rows=VHOST, **more):
    return Live(rows=rows, version="4.0.5", **more)


def said(text, live_side, context=None, **options):
    desired = compiled(text, **options)
    try:
        found = check_for_cluster(desired, live_side, context or Context(version=(4, 0, 5)))
    except InvalidDefinitions as error:
        return "error", [str(one) for one in error.findings]
    return "fine", [str(one) for one in found]


def test_a_vhost_that_is_not_declared_must_be_there():
    text = "vhost: /\npolicies: [{name: p, pattern: x, definition: {expires: 5}}]"

    assert said(text, live()) == ("fine", [])
    assert said(text, live({})) == (
        "error",
        [
            "base/a.yaml:2:12: vhost '/' is neither declared nor on the cluster, but "
            "policy 'p' in vhost '/' needs it; declare it under vhosts"
        ],
    )


def test_what_is_outside_the_scope_must_be_there():
    text = "permissions: [{vhost: shop, user: joe, configure: '', write: '', read: ''}]"
    there = {"vhost": {("shop",): {"name": "shop"}}}

    assert said(text, live(there), scope_kinds=("permission",)) == (
        "error",
        [
            "base/a.yaml:1:35: user 'joe' is neither declared nor on the cluster, but permission "
            "of user 'joe' in vhost 'shop' needs it; declare it under users"
        ],
    )
    foreign = frozenset({Ref("user", ("joe",))})
    assert said(text, live(there, foreign=foreign), scope_kinds=("permission",)) == ("fine", [])


def test_the_version_of_the_cluster_decides():
    text = "vhosts: [{name: shop, protected_from_deletion: true}]"

    kind, (line,) = said(text, live(), Context(version=(3, 10, 8)))

    assert kind == "error"
    assert line.startswith("base/a.yaml:1:48: ")
    assert said(text, live(), Context(version=(4, 1, 0))) == ("fine", [])


def test_nothing_is_said_twice():
    text = "vhosts: [{name: shop, default_queue_type: quorom}]"

    assert len(compiled(text).findings) == 1
    assert said(text, live()) == ("fine", [])


def test_a_user_without_a_password_has_to_be_there():
    text = "users: [{name: joe}]"

    assert said(text, live({"user": {("joe",): {"name": "joe", "tags": []}}})) == ("fine", [])
    assert said(text, live())[0] == "error"


@pytest.mark.parametrize("version", [(3, 10, 8), (4, 3, 0)])
def test_what_was_checked_for_the_version_is_not_checked_again(version):
    desired = compiled("vhosts: [{name: shop}]\n", version=version)

    assert check_for_cluster(desired, live(), Context(version=version)) == ()
