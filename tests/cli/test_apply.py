"""Apply against real brokers: what is sent, what is held, what is said, and what is left."""

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace

BASE = {
    "vhosts": [{"name": "shop", "description": "of the shop"}],
    "users": [
        {
            "name": "crm",
            "tags": ["monitoring"],
            "password": {"secret": "crm"},
            "permissions": [{"vhost": "shop", "configure": "", "write": "", "read": "^qu"}],
        }
    ],
    "exchanges": [{"vhost": "shop", "name": "ex.order.topic", "type": "topic"}],
    "queues": [
        {
            "vhost": "shop",
            "name": "qu.order.crm",
            "bindings": [{"source": "ex.order.topic", "routing_keys": ["order.#", "*.vip.#"]}],
        }
    ],
}


@pytest.fixture
def shop(workspace: Workspace, broker: Broker) -> Workspace:
    """The definitions above, for one cluster of each generation."""
    workspace.cluster("one", broker)
    workspace.secret("crm", "s3cret", "user:crm")
    workspace.define(BASE)
    return workspace


def with_queue(**fields):
    (queue,) = BASE["queues"]
    return BASE | {"queues": [queue | fields]}


def test_after_apply_the_plan_is_empty(shop: Workspace) -> None:
    applied = shop.apply()
    again = shop.plan("--detailed-exitcode")

    assert (applied.code, applied.cluster["verified"]) == (0, True)
    assert {change["result"] for change in applied.cluster["changes"]} == {"applied"}
    assert (again.code, again.changes) == (0, [])


def test_single_calls_make_the_same_as_an_import(shop: Workspace) -> None:
    names = [f"qu.{number}" for number in range(12)]
    queues = [{"vhost": "shop", "name": name} for name in names]
    shop.define(BASE | {"queues": [*BASE["queues"], *queues]})

    applied = shop.apply("--bulk", "never")

    assert applied.code == 0
    assert shop.plan().changes == []


def test_a_hand_made_change_is_shown_and_repaired(shop: Workspace, broker: Broker) -> None:
    shop.apply()
    with broker.management() as api:
        api.put("users", "crm", body={"password": "other", "tags": "administrator"})
        api.delete("queues", "shop", "qu.order.crm")

    drifted = shop.plan("--detailed-exitcode")
    repaired = shop.apply()

    assert drifted.code == 2
    assert sorted(drifted.changes) == [
        ("create", "binding:shop/ex.order.topic/queue/qu.order.crm/%2A.vip.%23"),
        ("create", "binding:shop/ex.order.topic/queue/qu.order.crm/order.%23"),
        ("create", "queue:shop/qu.order.crm"),
        ("update", "user:crm"),
    ]
    assert repaired.code == 0
    assert shop.plan().changes == []


def test_no_secret_is_shown(shop: Workspace) -> None:
    texts = [shop.run("plan", "--format", form) for form in ("text", "json", "markdown", "html")]
    texts.append(shop.apply())

    assert all("s3cret" not in text.out + text.err for text in texts)


def test_a_replacement_is_held_until_the_definition_allows_it(shop: Workspace) -> None:
    shop.apply()
    shop.define(with_queue(arguments={"x-max-length": 5}))

    held = shop.apply()

    assert held.code == 3
    (change,) = held.cluster["changes"]
    assert (change["action"], change["hold"]["code"]) == ("replace", "on-change")
    assert change["result"] == "skipped"


def test_recreate_puts_back_what_the_replacement_takes_down(
    shop: Workspace, broker: Broker
) -> None:
    shop.apply()
    with broker.management() as api:  # a binding that nobody declared goes down with it as well
        api.post(
            "bindings", "shop", "e", "amq.topic", "q", "qu.order.crm", body={"routing_key": "x"}
        )
    shop.define(with_queue(arguments={"x-max-length": 5}, on_change="recreate"))

    applied = shop.apply()

    assert applied.code == 0
    (change,) = applied.cluster["changes"]
    assert len(change["impact"]["implied"]) == 3
    with broker.management() as api:
        found = api.get("queues", "shop", "qu.order.crm", "bindings")
    keys = sorted(one["routing_key"] for one in found if one["source"])
    assert keys == ["*.vip.#", "order.#", "x"]
    assert shop.plan().changes == []


def test_a_queue_with_messages_is_not_recreated(shop: Workspace, broker: Broker) -> None:
    shop.apply()
    body = {
        "properties": {},
        "routing_key": "order.1",
        "payload": "a",
        "payload_encoding": "string",
    }
    with broker.management() as api:
        api.post("exchanges", "shop", "ex.order.topic", "publish", body=body)
    shop.define(with_queue(arguments={"x-max-length": 5}, on_change="recreate"))

    held = shop.apply()

    assert held.code == 3
    (change,) = held.cluster["changes"]
    assert change["hold"]["code"] in ("loss", "not-proven")
    assert change["result"] == "skipped"
    with broker.management() as api:
        assert "x-max-length" not in api.get("queues", "shop", "qu.order.crm")["arguments"]


def test_without_prune_all_nothing_is_deleted(shop: Workspace) -> None:
    shop.apply()
    shop.define(BASE | {"queues": []})

    planned = shop.plan("--detailed-exitcode")

    assert (planned.code, planned.changes) == (0, [])
    unmanaged = [one["address"] for one in planned.cluster["unmanaged"]]
    assert "queue:shop/qu.order.crm" in unmanaged


def test_prune_all_deletes_what_is_empty_and_unused(shop: Workspace, broker: Broker) -> None:
    # A name of its own: for some seconds statistics take a new queue for an old one of its name.
    shop.define(with_queue(name="qu.pruned"))
    shop.apply()
    shop.cluster("one", broker, prune="all", protect=["vhost:%2F"])
    shop.define(BASE | {"queues": [], "exchanges": []})

    applied = shop.apply()

    done = [c["address"] for c in applied.cluster["changes"] if c["result"] == "applied"]
    assert "queue:shop/qu.pruned" in done, applied.out
    assert "exchange:shop/ex.order.topic" in done
    with broker.management() as api:
        assert api.get("queues", "shop") == []


def test_every_failing_object_is_named_with_the_brokers_reason(
    shop: Workspace, broker: Broker
) -> None:
    bad = [
        {"vhost": "shop", "name": f"ex.bad.{number}", "type": f"x-nothing-{number}"}
        for number in range(9)
    ]
    good = [{"vhost": "shop", "name": f"ex.good.{number}", "type": "fanout"} for number in range(9)]
    binding = {"vhost": "shop", "source": "ex.bad.3", "destination": "qu.order.crm"}
    shop.define(BASE | {"exchanges": [*BASE["exchanges"], *bad, *good], "bindings": [binding]})

    applied = shop.apply()

    results = {c["address"]: c for c in applied.cluster["changes"]}
    failed = sorted(address for address, c in results.items() if c["result"] == "failed")
    assert applied.code == 4
    assert failed == [f"exchange:shop/ex.bad.{number}" for number in range(9)]
    assert all("unknown exchange type" in results[address]["error"] for address in failed)
    skipped = results["binding:shop/ex.bad.3/queue/qu.order.crm/"]
    assert skipped["result"] == "skipped"
    assert "exchange 'ex.bad.3' in vhost 'shop'" in skipped["error"]
    assert results["exchange:shop/ex.good.8"]["result"] == "applied"
    with broker.management() as api:
        names = {one["name"] for one in api.get("exchanges", "shop")}
    assert {f"ex.good.{number}" for number in range(9)} <= names


def test_a_dead_cluster_does_not_stop_the_others(shop: Workspace) -> None:
    dead = shop.settings["clusters"]["one"] | {"endpoints": ["http://127.0.0.1:9"]}
    shop.settings["clusters"]["dead"] = dead
    shop.save()

    planned = shop.plan()
    applied = shop.apply()

    assert planned.code == 1
    assert [c["status"] for c in planned.document["clusters"]] == ["ok", "unreachable"]
    assert applied.code == 4
    assert shop.plan("--cluster", "one").changes == []


def test_a_saved_plan_is_applied_once_and_only_while_it_fits(
    shop: Workspace, broker: Broker
) -> None:
    shop.write(".gitignore", "*.plan\n")
    shop.commit()
    shop.run("plan", "--out", "first.plan")
    shop.run("plan", "--out", "second.plan")

    applied = shop.run("apply", "--auto-approve", "first.plan")
    again = shop.run("apply", "--auto-approve", "first.plan")
    stale = shop.run("apply", "--auto-approve", "second.plan")

    assert applied.code == 0
    assert again.code == 5
    assert "was applied already" in again.err
    assert stale.code == 5
    assert "queue:shop/qu.order.crm" in stale.err
    assert "s3cret" not in (shop.folder / "first.plan").read_text()


def test_a_plan_is_not_saved_for_uncommitted_layers(shop: Workspace) -> None:
    shop.commit()
    shop.define(BASE | {"queues": []})

    refused = shop.run("plan", "--out", "x.plan")

    assert refused.code == 1
    assert "uncommitted changes" in refused.err
    assert not (shop.folder / "x.plan").exists()


def test_uncommitted_layers_are_not_applied_by_accident(shop: Workspace) -> None:
    shop.commit()
    shop.define(BASE | {"queues": []})

    refused = shop.apply()
    allowed = shop.apply("--allow-dirty")

    assert refused.code == 1
    assert "--allow-dirty" in refused.err
    assert allowed.code == 0


def test_what_cannot_be_asked_fails_with_the_flag(shop: Workspace) -> None:
    asked = shop.run("apply")

    assert asked.code == 64
    assert "--auto-approve" in asked.err


def test_a_secret_without_value_is_an_error_for_apply_only(shop: Workspace) -> None:
    shop.monkeypatch.delenv("SECRET_CRM")

    planned = shop.plan()
    applied = shop.apply()

    assert planned.code == 0
    assert applied.code == 1
    assert (
        "base/all.yaml:9:13: secret 'crm': environment variable SECRET_CRM is not set; user:crm "
        "names it, is not compared, and cannot be applied; give it a value where rmqsync runs"
    ) in applied.err


def test_targets_bring_what_they_need_and_nothing_else(shop: Workspace) -> None:
    planned = shop.plan("--target", "binding:*/order.%23")

    assert sorted(planned.changes) == [
        ("create", "binding:shop/ex.order.topic/queue/qu.order.crm/order.%23"),
        ("create", "exchange:shop/ex.order.topic"),
        ("create", "queue:shop/qu.order.crm"),
        ("create", "vhost:shop"),
    ]


def test_excluded_objects_are_left_out(shop: Workspace) -> None:
    planned = shop.plan("--exclude", "user:*", "--exclude", "permission:*")

    assert not any(address.startswith(("user", "permission")) for _, address in planned.changes)
    assert len(planned.changes) == 5


def test_our_own_user_is_in_no_plan(shop: Workspace, broker: Broker) -> None:
    own = {"name": broker.username, "tags": [], "password_hash": ""}
    shop.define(BASE | {"users": [*BASE["users"], own]})

    planned = shop.plan()

    assert f"user:{broker.username}" not in str(planned.document["clusters"][0]["changes"])
    assert any(broker.username in f["message"] for f in planned.cluster["findings"])


def test_an_ignored_object_is_neither_reported_nor_touched(shop: Workspace, broker: Broker) -> None:
    with broker.management() as api:
        api.put("vhosts", "other", body={})
        api.put("queues", "other", "tmp.1", body={"durable": True})
    shop.cluster("one", broker, prune="all", ignore=["queue:*/tmp.*", "vhost:other"])

    planned = shop.plan()

    assert "tmp.1" not in planned.out
    assert "vhost:other" not in planned.out


def test_max_deletes_holds_all_deletions(shop: Workspace, broker: Broker) -> None:
    queues = [{"vhost": "shop", "name": f"qu.{number}"} for number in range(25)]
    shop.define(BASE | {"queues": queues})
    shop.apply()
    shop.cluster("one", broker, prune="all", protect=["vhost:%2F"])
    shop.define(BASE | {"queues": []})

    held = shop.apply()
    allowed = shop.apply("--max-deletes", "60")

    assert held.code == 3
    codes = {c["hold"]["code"] for c in held.cluster["changes"] if c["kind"] == "queue"}
    assert codes == {"max-deletes"}
    done = {c["result"] for c in allowed.cluster["changes"] if c["kind"] == "queue"}
    assert done == {"applied"}


def test_a_move_of_a_weight_on_a_consistent_hash_exchange_removes_first(
    shop: Workspace, broker: Broker
) -> None:
    def definitions(weight: str):
        exchange = {"vhost": "shop", "name": "hash", "type": "x-consistent-hash"}
        binding = {
            "vhost": "shop",
            "source": "hash",
            "destination": "qu.order.crm",
            "routing_key": weight,
        }
        return BASE | {"exchanges": [*BASE["exchanges"], exchange], "bindings": [binding]}

    shop.cluster("one", broker, prune="all", protect=["vhost:%2F"])
    shop.define(definitions("1"))
    shop.apply()
    shop.define(definitions("2"))

    planned = shop.plan()
    applied = shop.apply()

    actions = [(a, address) for a, address in planned.changes if "hash" in address]
    assert actions == [
        ("delete", "binding:shop/hash/queue/qu.order.crm/1"),
        ("create", "binding:shop/hash/queue/qu.order.crm/2"),
    ]
    assert applied.cluster["verified"] is True


def test_a_dead_letter_exchange_may_be_there_without_being_declared(
    shop: Workspace, broker: Broker
) -> None:
    shop.define(with_queue(arguments={"x-dead-letter-exchange": "ex.dead"}))

    missing = shop.plan()
    with broker.management() as api:
        api.put("vhosts", "shop", body={})
        api.put("exchanges", "shop", "ex.dead", body={"type": "fanout", "durable": True})
    there = shop.plan()

    assert [f["code"] for f in missing.cluster["findings"]] == ["RMQ006"]
    assert there.cluster["findings"] == []


def test_an_exchange_type_that_the_cluster_lacks_is_said_before(shop: Workspace) -> None:
    odd = {"vhost": "shop", "name": "odd", "type": "x-nothing"}
    shop.define(BASE | {"exchanges": [*BASE["exchanges"], odd]})

    planned = shop.plan()

    (finding,) = planned.cluster["findings"]
    assert (finding["code"], finding["source"]["file"]) == ("RMQ036", "base/all.yaml")
    assert "x-nothing" in finding["message"]


def test_tags_that_are_not_ascii_settle(shop: Workspace, broker: Broker) -> None:
    """3.10 stores the bytes of UTF-8 as characters, and gives back those."""
    user = {"name": "tagged", "tags": ["标签", "plain"], "password_hash": ""}
    shop.define({"vhosts": [{"name": "shop", "tags": ["é", "标"]}], "users": [user]})

    applied = shop.apply()

    assert applied.code == 0
    assert shop.plan().changes == []
    exported = shop.run("export", "one", "--dir", "out")
    assert exported.code == 0
    assert "标签" in (shop.folder / "out" / "users.yaml").read_text()


def test_a_secret_without_value_is_said_not_to_be_compared(shop: Workspace, broker: Broker) -> None:
    shop.apply()
    shop.monkeypatch.delenv("SECRET_CRM")

    planned = shop.plan()

    assert planned.changes == []
    (finding,) = [one for one in planned.cluster["findings"] if one["code"] != "RMQ109"]
    assert (finding["code"], finding["address"]) == ("RMQ098", "user:crm")


def test_a_cluster_whose_password_is_unset_does_not_stop_the_others(shop: Workspace) -> None:
    broken = shop.settings["clusters"]["one"] | {"password": {"env": "NOT_THERE"}}
    shop.settings["clusters"]["broken"] = broken
    shop.save()

    planned, applied = shop.plan(), shop.apply()

    assert planned.code == 1
    assert [c["status"] for c in planned.document["clusters"]] == ["ok", "error"]
    assert "NOT_THERE" in planned.document["clusters"][1]["error"]
    assert applied.code == 4
    assert shop.plan("--cluster", "one").changes == []
