"""Where the values of an object come from, over all layers."""

from rmqsync.loading.provenance import provenance
from rmqsync.model.changes import Ref
from tests.loading.files import compiled

BASE = """\
vhost: shop
vhosts: [{name: shop}]
queues:
  - name: billing
    type: quorum
    arguments:
      x-delivery-limit: 5
      x-max-length: 9
"""
SITE = """\
queues:
  - {vhost: shop, name: billing, arguments: {x-max-length: 3}}
"""
BILLING = Ref("queue", ("shop", "billing"))


def test_each_value_names_the_last_layer_that_says_it():
    found = provenance(compiled(BASE, SITE), BILLING)

    assert [(".".join(p.path), p.value, str(p.source), p.layer, p.is_written) for p in found] == [
        ("vhost", "shop", "layer1/a.yaml:2:13", 1, True),
        ("name", "billing", "layer1/a.yaml:2:25", 1, True),
        ("durable", True, "layer1/a.yaml:2:5", 1, False),
        ("auto_delete", False, "layer1/a.yaml:2:5", 1, False),
        ("arguments.x-queue-type", "quorum", "base/a.yaml:4:5", 0, False),
        ("arguments.x-delivery-limit", 5, "base/a.yaml:7:25", 0, True),
        ("arguments.x-max-length", 3, "layer1/a.yaml:2:60", 1, True),
    ]


def test_what_is_not_declared_comes_from_nowhere():
    assert provenance(compiled(BASE), Ref("queue", ("shop", "other"))) == ()
