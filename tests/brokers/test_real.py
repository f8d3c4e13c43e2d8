"""What tests may rely on of a real broker: what it holds, how it is emptied, stopped and ended."""

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest

from tests.brokers import Broker, down, lease, running, up
from tests.brokers.folders import run_folder
from tests.brokers.generations import check_version
from tests.brokers.settings import PLUGINS
from tests.brokers.wipe import LOG_EXCHANGE
from tests.conftest import BrokerSource


def test_a_broker_is_of_its_generation_with_every_plugin(broker: Broker) -> None:
    told = broker.tool("rabbitmq-plugins", "list", "--enabled", "--minimal", "--silent")

    check_version(broker.generation, broker.version)
    assert set(PLUGINS) <= set(told.split())


def test_an_empty_broker_holds_nothing_but_its_administrator(broker: Broker) -> None:
    with broker.management() as api:
        definitions = api.get("definitions")

    sections = {name: found for name, found in definitions.items() if isinstance(found, list)}
    filled = {name for name, found in sections.items() if found}
    assert filled - {"exchanges"} == {"users", "vhosts", "permissions", "global_parameters"}
    assert set(_names(definitions["exchanges"])) <= {LOG_EXCHANGE}
    assert _names(definitions["users"]) == ["admin"]
    assert _names(definitions["vhosts"]) == ["/"]
    assert {entry["user"] for entry in definitions["permissions"]} == {"admin"}


def test_reset_empties_a_broker(broker: Broker) -> None:
    with broker.management() as api:
        before, exchanges = api.get("definitions"), _names(api.get("exchanges"))
        _fill(broker)

        broker.reset()

        assert api.get("definitions") == before
        assert _names(api.get("exchanges")) == exchanges
        assert api.get("queues") == []
        assert api.get("user-limits", "admin") == []


def test_a_reset_broker_equals_a_fresh_one(broker: Broker) -> None:
    with running(f"{broker.generation.name}-fresh") as fresh, fresh.management() as api:
        expected = api.get("definitions")
    with broker.management() as api:
        found = api.get("definitions")

    # what no two brokers share: the cluster's name and id, the password's hash
    own = {"users", "global_parameters", "explanation", "original_cluster_name"}
    sections = (expected.keys() | found.keys()) - own
    assert {name: found[name] for name in sections} == {name: expected[name] for name in sections}


def test_tls_takes_a_client_with_our_certificate_only(broker: Broker) -> None:
    trusting = ssl.create_default_context(cafile=broker.tls.ca)
    trusted = ssl.create_default_context(cafile=broker.tls.ca)
    trusted.load_cert_chain(broker.tls.cert, broker.tls.key)

    answer = _overview(broker, trusted)

    assert answer["rabbitmq_version"] == broker.version
    with pytest.raises(OSError, match=r"(?i)certificate|reset|closed|EOF"):
        _overview(broker, trusting)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        _overview(broker, ssl.create_default_context())


def test_a_node_keeps_its_definitions_over_a_crash(r310: Broker) -> None:
    with r310.management() as api:
        api.put("vhosts", "kept", body={})

    r310.kill_node(0)
    was_healthy = r310.is_healthy()
    r310.start_node(0)

    assert not was_healthy
    with r310.management() as api:
        assert {vhost["name"] for vhost in api.get("vhosts")} == {"/", "kept"}


def test_a_cluster_has_a_ram_node_and_lives_on_without_one(c310: Broker) -> None:
    with c310.management() as api:
        kinds = {node["name"]: node["type"] for node in api.get("nodes")}
        c310.stop_node(2)
        stopped = {node["name"] for node in api.get("nodes") if not node["running"]}
        c310.start_node(2)
        after = {node["name"]: node["type"] for node in api.get("nodes") if node["running"]}

    ram = c310.nodes[2].name
    assert kinds == {node.name: "ram" if node.is_ram else "disc" for node in c310.nodes}
    assert stopped == {ram}
    assert after == kinds


def test_two_brokers_of_one_generation_are_apart(empty_broker: BrokerSource) -> None:
    first, second = empty_broker("r40"), empty_broker("r40", 1)

    with first.management() as api:
        api.put("vhosts", "only-here", body={})

    with second.management() as api:
        assert [vhost["name"] for vhost in api.get("vhosts")] == ["/"]
    assert not first.ports() & second.ports()


def test_a_lease_is_for_one_at_a_time(r43: Broker) -> None:
    # r43 itself is leased by this session
    with lease("r43") as other:
        assert other.name != r43.name
        assert other.is_healthy()


def test_a_broker_that_died_is_started_anew(r40: Broker) -> None:
    assert r40  # skips where there are none
    with running("r40-dying") as broker:
        broker.kill_node(0)

        again = up("r40-dying")

        assert again.is_healthy()
        assert again.password != broker.password


def test_down_leaves_nothing_behind(r40: Broker) -> None:
    assert r40
    mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    broker = up("r40-ending")

    down(broker.name)

    assert not broker.folder.exists()
    assert not list(run_folder().glob("r40-ending*"))
    assert Path("/proc/mounts").read_text(encoding="utf-8") == mounts
    listening = subprocess.run(["pgrep", "--full", "r40-ending@"], capture_output=True)
    assert listening.stdout == b""


def test_the_command_line_tells_a_running_broker_as_json(r40: Broker) -> None:
    command = [sys.executable, "-m", "tests.brokers", "up", r40.name, "--json"]
    root = Path(__file__).parents[2]

    told = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, check=True)

    (found,) = json.loads(told.stdout)
    assert Broker.from_json(found) == r40


def _fill(broker: Broker) -> None:
    with broker.management() as api:
        api.put("vhosts", "shop", body={"default_queue_type": "quorum", "tags": "a,b"})
        api.put("vhosts", "/", body={"description": "changed"})
        api.put("users", "guest", body={"password": "guest", "tags": "monitoring"})
        api.put("permissions", "shop", "guest", body={"configure": "", "write": "", "read": ".*"})
        api.put("user-limits", "admin", "max-channels", body={"value": 500})
        api.put("vhost-limits", "/", "max-queues", body={"value": 500})
        api.put("global-parameters", "left-over", body={"value": {"a": 1}})
        for vhost in ("/", "shop"):
            quorum = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
            api.put("queues", vhost, "orders", body=quorum)
            api.put("queues", vhost, "left", body={"durable": True})
            api.put("exchanges", vhost, "spread", body={"type": "x-consistent-hash"})
            upstream = {"value": {"uri": broker.amqp_uri(vhost)}}
            api.put("parameters", "federation-upstream", vhost, "self", body=upstream)
            policy = {"pattern": ".*", "definition": {"max-length": 5}, "apply-to": "queues"}
            api.put("policies", vhost, "short", body=policy)


def _names(objects: list[dict[str, str]]) -> list[str]:
    return [described["name"] for described in objects]


def _overview(broker: Broker, context: ssl.SSLContext) -> dict[str, str]:
    request = urllib.request.Request(f"{broker.tls.management_url}/api/overview")
    credentials = b64encode(f"{broker.username}:{broker.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    with urllib.request.urlopen(request, context=context, timeout=30) as response:
        told: dict[str, str] = json.load(response)
        return told
