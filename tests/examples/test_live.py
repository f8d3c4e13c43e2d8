import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.demo import shop
from tests.examples.conftest import Run

SiteRun = Callable[[Mapping[str, Broker]], Run]

_MATCHES = "No changes. Your infrastructure matches the configuration."
_PATIENCE_S = 60


@pytest.mark.parametrize(
    ("generation", "site"), [("r310", "shanghai"), ("r40", "hangzhou"), ("r43", "hangzhou")]
)
def test_a_second_plan_of_the_example_is_empty(
    generation: str, site: str, empty_broker: BrokerSource, site_run: SiteRun
) -> None:
    rmqsync = site_run({site: empty_broker(generation)})

    # the definitions stand in this repository, perhaps with changes not committed yet
    rmqsync("apply", "--auto-approve", "--allow-dirty")

    assert _MATCHES in rmqsync("plan", "--detailed-exitcode")


def test_the_two_sites_hear_each_other(r310: Broker, r43: Broker, site_run: SiteRun) -> None:
    """With the rights of `site-link`, which are no more than these links need."""
    rmqsync = site_run({"shanghai": r310, "hangzhou": r43})

    rmqsync("apply", "--auto-approve", "--allow-dirty")
    _wait(lambda: _are_running(r310, "federation-links"), "federation to Shanghai runs")
    _wait(lambda: _are_running(r43, "federation-links"), "federation to Hangzhou runs")
    _wait(lambda: _are_running(r43, "shovels"), "the shovel runs")
    shop.publish(r310, "ex.order.topic", "order.viporder.delivery.onDelivered", "{}")
    shop.publish(r43, "ex.order.topic", "order.normalorder.payment.onPaid", "{}")

    _wait(lambda: shop.messages(r43).get("qu.order.vipdesk") == 1, "Hangzhou hears of deliveries")
    _wait(lambda: shop.messages(r310).get("qu.order.crm") == 2, "Shanghai hears of payments")
    # of a payment both sites know: the branch sends what its own auditors got
    _wait(lambda: shop.messages(r310).get("qu.audit.headoffice") == 1, "the head office knows")
    assert _MATCHES in rmqsync("plan", "--detailed-exitcode")


def test_an_event_that_nobody_has_bound_to_is_kept(r43: Broker, site_run: SiteRun) -> None:
    rmqsync = site_run({"hangzhou": r43})

    rmqsync("apply", "--auto-approve", "--allow-dirty")
    shop.publish(r43, "ex.product.topic", "advert.banner.view.onClosed", "{}")

    assert shop.messages(r43) == {"qu.unrouted.all": 1}


def test_orders_have_two_copies_in_a_cluster_of_3_10(c310: Broker, site_run: SiteRun) -> None:
    rmqsync = site_run({"shanghai": c310})

    rmqsync("apply", "--auto-approve", "--allow-dirty")

    _wait(lambda: _copies(c310) == {1}, "each queue of orders has one mirror")
    assert _MATCHES in rmqsync("plan", "--detailed-exitcode")


def _are_running(broker: Broker, what: str) -> bool:
    with broker.management() as api:
        found = api.get(what)
    return bool(found) and {one.get("status") or one.get("state") for one in found} == {"running"}


def _copies(broker: Broker) -> set[int]:
    with broker.management() as api:
        queues: Iterable[dict[str, Any]] = api.get("queues", "common")
    return {
        len(queue.get("slave_nodes", ()))
        for queue in queues
        if queue["name"].startswith("qu.order.")
    }


def _wait(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, f"not within {_PATIENCE_S} s: {what}"
        time.sleep(0.3)
