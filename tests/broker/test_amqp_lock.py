"""The lock on real brokers: one at a time, named, gone with its holder, and known to be lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from rmqsync.broker.amqp_lock import LOCK_QUEUE
from tests.broker.connect import api, to_broker
from tests.broker.test_amqp import amqp
from tests.brokers import Broker

HOLD = """
import sys, time
from rmqsync.broker.amqp import Amqp, AmqpConnection
url, user, password = sys.argv[1:]
settings = AmqpConnection(name="prod", urls=(url,), username=user, password=password)
lock = Amqp(lambda: settings, lambda _: None).lock()
print("held" if lock else "not held", flush=True)
time.sleep(60)
"""


def until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_one_at_a_time(broker: Broker) -> None:
    first = amqp(broker).lock()
    assert first is not None
    assert first.held()
    assert amqp(broker).lock() is None

    first.release()

    second = amqp(broker).lock()
    assert second is not None
    second.release()


def test_the_lock_is_in_no_live_set(broker: Broker) -> None:
    lock = amqp(broker).lock()
    assert lock is not None

    with api(to_broker(broker)) as found:
        rows = found.read().rows
    lock.release()

    assert LOCK_QUEUE not in str(rows)


def test_the_holder_is_named(broker: Broker) -> None:
    with api(to_broker(broker)) as found:
        waiter = amqp(broker)
        waiter._ask = found.get
        lock = waiter.lock()
        assert lock is not None

        named = until(lambda: "process" in waiter.holder())
        told = waiter.holder()
        lock.release()

    assert named, told
    assert f"process {os.getpid()}, rmqsync" in told
    assert "cluster prod (from 127.0.0.1, user 'admin')" in told


def test_a_killed_holder_frees_it(broker: Broker) -> None:
    command = [sys.executable, "-c", HOLD, broker.amqp_url, broker.username, broker.password]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert amqp(broker).lock() is None

        holder.send_signal(signal.SIGKILL)
        found = []

        def take() -> bool:
            found.append(amqp(broker).lock())
            return found[-1] is not None

        freed = until(take)

    assert freed
    found[-1].release()


def test_a_closed_connection_is_noticed(broker: Broker) -> None:
    lock = amqp(broker).lock()
    assert lock is not None

    def close() -> bool:
        with broker.management() as plain:
            for one in plain.get("connections"):
                plain.delete("connections", one["name"])
        return not lock.held()

    assert until(close)
    assert lock.lost is not None
    lock.release()


def test_a_deleted_vhost_is_noticed(broker: Broker) -> None:
    with broker.management() as plain:
        plain.put("vhosts", "locks", body={})
        lock = amqp(broker, lock_vhost="locks").lock()
        assert lock is not None

        plain.delete("vhosts", "locks")

    assert until(lambda: not lock.held())
    lock.release()


def test_a_broker_that_dies_is_noticed(r310: Broker) -> None:
    lock = amqp(r310).lock()
    assert lock is not None

    r310.kill_node(0)
    noticed = until(lambda: not lock.held())
    r310.start_node(0)

    assert noticed
    lock.release()
