"""`state: absent` of what rmqsync never deletes is told, and not passed over."""

from __future__ import annotations

import pytest

from tests.loading.files import compiled

TEXT = """\
vhosts: [{name: shop}]
users: [{name: rmqsync, state: absent}, {name: guest, state: absent}]
permissions: [{vhost: shop, user: rmqsync, state: absent}]
global_parameters: [{name: rmqsync.main, state: absent}, {name: mine, state: absent}]
exchanges: [{vhost: shop, name: amq.topic, state: absent}, {vhost: shop, name: a, state: absent}]
"""


@pytest.mark.parametrize("own_user", ["rmqsync", None])
def test_each_is_named_with_its_line(own_user: str | None) -> None:
    told = {
        one.address: one.source.line
        for one in compiled(TEXT, own_user=own_user).findings
        if one.code == "RMQ037" and one.source is not None
    }

    broker = {"exchange:shop/amq.topic": 5, "global_parameter:rmqsync.main": 4}
    ours = {"permission:shop/rmqsync": 3, "user:rmqsync": 2} if own_user else {}
    assert told == broker | ours
