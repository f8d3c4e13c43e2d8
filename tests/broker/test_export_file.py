"""A cluster that is a file."""

import json
from pathlib import Path

import pytest

from rmqsync.broker.export_file import FileCluster
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Ref
from rmqsync.model.errors import RmqsyncError, SourceError, UsageError
from tests.broker.connect import api, to_broker
from tests.brokers import Broker

QUEUE = {"name": "q", "durable": True, "auto_delete": False, "arguments": {}}


def written(tmp_path: Path, content: object, name: str = "snapshot.json") -> FileCluster:
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return FileCluster("dr", str(path))


def test_a_saved_export_reads_as_its_cluster_did(broker: Broker, tmp_path: Path) -> None:
    with api(to_broker(broker)) as found:
        for call in (
            Request("PUT", ("vhosts", "shop"), {"description": "d", "tags": ["t"]}),
            Request(
                "PUT",
                ("queues", "shop", "订单/1"),
                {"durable": True, "arguments": {"x-max-length": 5}},
            ),
            Request("PUT", ("exchanges", "shop", "x"), {"type": "topic", "durable": True}),
            Request("POST", ("bindings", "shop", "e", "x", "q", "订单/1"), {"routing_key": "a.#"}),
        ):
            found.send(call)
        live = found.read()
        document = found.get(Request("GET", ("definitions",)))

    saved = written(tmp_path, document).read()

    assert saved.from_file
    assert saved.version == live.version
    assert saved.own_user is None
    for kind in ("queue", "exchange", "binding"):
        assert saved.rows[kind] == live.rows[kind]
    assert set(saved.rows["vhost"]) == set(live.rows["vhost"])
    assert saved.default_queue_types == live.default_queue_types


def test_the_export_of_one_vhost(tmp_path: Path) -> None:
    cluster = written(
        tmp_path,
        {
            "rabbit_version": "4.3.6",
            "rabbitmq_definition_format": "single_virtual_host",
            "original_vhost_name": "shop",
            "metadata": {"description": "d", "tags": [], "default_queue_type": "quorum"},
            "queues": [QUEUE],
            "exchanges": [{"name": "federation: x", "type": "topic"}],
        },
    )

    live = cluster.read()

    assert set(live.rows["queue"]) == {("shop", "q")}
    assert live.rows["vhost"][("shop",)]["description"] == "d"
    assert live.default_queue_types == {"shop": "quorum"}
    assert live.foreign == {Ref("exchange", ("shop", "federation: x"))}


def test_yaml_will_do(tmp_path: Path) -> None:
    text = "rabbit_version: 3.10.8\nqueues:\n- {vhost: /, name: q}\n"

    live = written(tmp_path, text, "snapshot.yaml").read()

    assert (live.version, set(live.rows["queue"])) == ("3.10.8", {("/", "q")})


def test_the_cluster_name_is_in_the_global_parameters_of_old_exports(tmp_path: Path) -> None:
    live = written(
        tmp_path, {"global_parameters": [{"name": "cluster_name", "value": "sh"}]}
    ).read()

    assert (live.cluster_name, live.version) == ("sh", None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[1, 2]", "is no definitions export"),
        ("", "the file is empty"),
        ('{"queues": {"name": "q"}}', "queues must be a list of objects"),
        ('{"queues": ["q"]}', "queues must be a list of objects"),
        ('{"queues": [', "not JSON"),
        ('{"queues": [{"vhost": "/"}]}', "queues"),
    ],
)
def test_what_is_no_export_is_refused_with_its_name(
    tmp_path: Path, content: str, words: str
) -> None:
    cluster = written(tmp_path, content)

    with pytest.raises(RmqsyncError, match=words):
        cluster.read()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    cluster = FileCluster("dr", str(tmp_path / "none.json"))

    with pytest.raises(SourceError) as raised:
        cluster.read()

    path = tmp_path / "none.json"
    assert str(raised.value) == f"dr: cannot read '{path}': no such file or directory"


def test_it_takes_no_changes(tmp_path: Path) -> None:
    cluster = written(tmp_path, {})

    with pytest.raises(UsageError):
        cluster.send(Request("DELETE", ("queues", "/", "q")))
    with pytest.raises(UsageError):
        cluster.upload({})
    assert cluster.queue_facts([("/", "q")]) == {}
