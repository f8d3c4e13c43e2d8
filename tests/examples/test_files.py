import re
from itertools import chain
from pathlib import Path

import pytest
import yaml

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Version
from tests.demo.workplace import DEFINITIONS, EXAMPLE, SETTINGS
from tests.examples.compiled import SITES, compiled, rows

FILES = sorted(DEFINITIONS.rglob("*.*"))
SCHEMAS = EXAMPLE.parent / "schemas"

_SCHEMA_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")
_NODES = 3
"""Nodes of each cluster of the example."""


@pytest.mark.parametrize("file", [*FILES, SETTINGS], ids=lambda file: str(file.name))
def test_each_file_begins_with_the_line_that_names_its_schema(file: Path) -> None:
    name = "rmqsync" if file == SETTINGS else "definitions"

    with file.open(encoding="utf-8") as text:
        found = _SCHEMA_LINE.fullmatch(text.readline().rstrip("\n"))

    assert found is not None
    assert (file.parent / found[1]).resolve() == SCHEMAS / f"{name}.schema.json"


@pytest.mark.parametrize(
    ("site", "version"),
    [
        ("shanghai", None),
        ("shanghai", (3, 10, 8)),
        ("hangzhou", None),
        ("hangzhou", (4, 0, 5)),
        ("hangzhou", (4, 3, 6)),
    ],
)
def test_definitions_are_valid_without_a_single_remark(site: str, version: Version | None) -> None:
    assert compiled(site, version).findings == ()


def test_each_file_belongs_to_a_layer_that_a_cluster_has() -> None:
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    layers = {layer for cluster in settings["clusters"].values() for layer in cluster["layers"]}

    stray = [
        file
        for file in FILES
        if not any(file.is_relative_to(DEFINITIONS / layer) for layer in layers)
    ]

    assert stray == []


def test_each_kind_is_used() -> None:
    """A raw parameter can only be declared absent: no plugin of these brokers takes one."""
    desired = [compiled(site) for site in SITES]

    declared = {kind for one in desired for kind, found in one.rows.items() if found}
    absent = {kind for one in desired for kind, found in one.absent.items() if found}

    assert declared == set(KINDS.names) - {"parameter"}
    assert "parameter" in absent


def test_each_secret_of_the_settings_is_used() -> None:
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    text = "".join(file.read_text(encoding="utf-8") for file in FILES)

    assert set(re.findall(r"\{secret: (\w+)\}", text)) == set(settings["secrets"])


@pytest.mark.parametrize("site", SITES)
def test_no_binding_of_a_topic_exchange_spells_out_one_event(site: str) -> None:
    topics = {row["name"] for row in rows(site, "exchange") if row["type"] == "topic"}

    keys = [row["routing_key"] for row in rows(site, "binding") if row["source"] in topics]

    assert keys
    assert [key for key in keys if not {"*", "#"} & set(key.split("."))] == []


@pytest.mark.parametrize("site", SITES)
def test_each_event_of_the_catalogue_is_wanted_by_a_binding(site: str) -> None:
    events = list(chain.from_iterable(_events(site)))
    bindings = rows(site, "binding")

    unwanted = [
        event
        for event in events
        if not any(
            _matches(row["routing_key"].split("."), event.split("."))
            for row in bindings
            if row["source"] == f"ex.{event.split('.')[0]}.topic"
        )
    ]

    assert "order.viporder.delivery.onDelivered" in events
    assert unwanted == []


@pytest.mark.parametrize("site", SITES)
def test_names_tell_entity_and_consumer(site: str) -> None:
    exchanges = {row["name"]: row["type"] for row in rows(site, "exchange")}
    queues = [row["name"] for row in rows(site, "queue")]

    assert [name for name in queues if not re.fullmatch(r"qu\.[a-z]+\.[a-z]+", name)] == []
    assert [
        name
        for name, kind in exchanges.items()
        if not re.fullmatch(r"ex\.[a-z]+\.[a-z]+", name) or not kind.endswith(name.split(".")[2])
    ] == []


@pytest.mark.parametrize("site", SITES)
def test_users_have_no_more_rights_than_they_need(site: str) -> None:
    tags = {row["name"]: row["tags"] for row in rows(site, "user")}
    permissions = {row["user"]: row for row in rows(site, "permission")}

    mighty = {user for user, row in permissions.items() if ".*" in row.values()}
    configuring = {user for user, row in permissions.items() if row["configure"]}

    assert {name: tag for name, tag in tags.items() if tag} == {
        "administrator": ["administrator"],
        "monitoring": ["monitoring"],
    }
    assert set(permissions) == set(tags)
    assert mighty == {"administrator"}
    assert configuring == {"administrator", "site-link"}
    assert permissions["monitoring"] == {
        "vhost": "common",
        "user": "monitoring",
        "configure": "",
        "write": "",
        "read": "",
    }


def test_orders_are_mirrored_on_3_and_quorum_queues_on_4() -> None:
    mirroring = compiled("shanghai").rows["policy"]["common", "exchange_queue_ha"]
    types = {
        site: {
            row["arguments"].get("x-queue-type", "classic")
            for row in rows(site, "queue")
            if ".order." in row["name"]
        }
        for site in SITES
    }
    on_hangzhou = [key for row in rows("hangzhou", "policy") for key in row["definition"]]

    assert mirroring["pattern"] == r"\.order\."
    assert mirroring["definition"]["ha-mode"] == "exactly"
    assert 1 < mirroring["definition"]["ha-params"] <= _NODES
    assert types == {"shanghai": {"classic"}, "hangzhou": {"quorum"}}
    assert [key for key in on_hangzhou if key.startswith("ha-")] == []


def test_the_environment_overrides_numbers_and_nothing_else() -> None:
    limits = compiled("shanghai").rows["vhost_limit"]["common",]
    ceiling = compiled("shanghai").rows["operator_policy"]["common", "queue-ceiling"]

    assert (limits["max-connections"], limits["max-queues"]) == (2000, 100)
    assert ceiling["definition"] == {"max-length": 1000000}
    assert ceiling["pattern"] == r"^qu\."


def _events(site: str) -> list[list[str]]:
    found = compiled(site).extra["events"]
    return [found] if isinstance(found[0], str) else found


def _matches(pattern: list[str], words: list[str]) -> bool:
    """Whether a binding key matches a routing key, both split at the dots."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_matches(pattern[1:], words[number:]) for number in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _matches(pattern[1:], words[1:])
