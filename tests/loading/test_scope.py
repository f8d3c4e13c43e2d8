"""What of a cluster a repository manages."""

import pytest

from rmqsync.kinds import KINDS
from rmqsync.loading.scope import Scope

QUEUE = ("queue", ("shop", "q"))
VHOST = ("vhost", ("shop",))
USER = ("user", ("joe",))


@pytest.mark.parametrize(
    ("vhosts", "kinds", "inside"),
    [
        pytest.param(["*"], ["*"], [QUEUE, VHOST, USER], id="everything"),
        pytest.param(["shop"], ["*"], [QUEUE, VHOST], id="one vhost leaves out users"),
        pytest.param(["s*"], ["*", "user"], [QUEUE, VHOST, USER], id="unless they are named"),
        pytest.param(["s*"], ["us*"], [USER], id="by a glob, too"),
        pytest.param(["other"], ["*"], [], id="another vhost"),
        pytest.param(["*"], ["queue"], [QUEUE], id="one kind"),
        pytest.param(["*"], ["?ser"], [USER], id="a kind by a glob"),
    ],
)
def test_scope(vhosts, kinds, inside):
    scope = Scope(vhosts, kinds)

    covered = [(name, key) for name, key in (QUEUE, VHOST, USER) if scope.covers(KINDS[name], key)]

    assert covered == inside
