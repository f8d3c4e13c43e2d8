"""What happens in the demo, step by step."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.brokers import Broker
from tests.demo import shop
from tests.demo.stage import Stage
from tests.demo.workplace import make_repository, settings_for, write_settings

_QUEUE = "qu.order.vipdesk"
_EVENT = "order.viporder.delivery.onDelivered"
_MATCHES = "No changes. Your infrastructure matches the configuration."


def tell(stage: Stage, brokers: Mapping[str, Broker]) -> None:
    """Play all of it with `brokers` by name of site; raises NotAsTold."""
    _make_repository(stage, brokers)
    _validate(stage)
    added = _plan(stage)
    _apply(stage, added)
    _plan_again(stage)
    shanghai = brokers["shanghai"]
    _publish(stage, shanghai)
    _change_by_hand(stage, shanghai)
    _notice(stage)
    _repair(stage, shanghai)
    _export(stage, brokers["hangzhou"])


def _make_repository(stage: Stage, brokers: Mapping[str, Broker]) -> None:
    with stage.step("A repository, and rmqsync.yaml beside it"):
        stage.say(
            """The definitions of a shop, from examples/definitions, become a git repository. One
            base for both sites; layers on top of it say what differs: the environment, the
            generation of RabbitMQ (mirrored queues on 3.x, quorum queues on 4.x), the site."""
        )
        folder = stage.folder / "shop"
        folder.mkdir()
        commit = make_repository(folder, stage.environ)
        source = {"git": "shop", "branch": "main", "path": "definitions"}
        write_settings(stage.folder / "rmqsync.yaml", settings_for(brokers, source))
        stage.line()
        stage.note(f"{len(list(folder.rglob('*.yaml')))} files, commit {commit[:12]}")
        settings = yaml.safe_load((stage.folder / "rmqsync.yaml").read_text(encoding="utf-8"))
        for name, cluster in settings["clusters"].items():
            stage.note(f"{name:<9} = {' + '.join(cluster['layers'])}")
        stage.say(
            """rmqsync.yaml is the operator's: where the clusters are, and where each password is
            read from. There is none in any file: here they come from the environment."""
        )


def _validate(stage: Stage) -> None:
    with stage.step("Are the files right?"):
        stage.say("No broker is asked; a mistake would be named with file, line and column.")
        stage.run("validate", told=("Success! The definitions are valid.",))


def _plan(stage: Stage) -> int:
    with stage.step("What would happen?"):
        stage.say("Both clusters are empty, so everything is to be made. Nothing is written yet.")
        plain = stage.run("plan", told=("to add, 0 to change, 0 to destroy.",), most=44)
        summary = next(line for line in plain.split("\n") if line.startswith("Plan: "))
        return int(summary.split()[1])


def _apply(stage: Stage, added: int) -> None:
    with stage.step("Do it"):
        stage.say(
            """Both at once, in the order that objects depend on each other. Then each cluster is
            read again: an answer of "ok" proves nothing, what is there does."""
        )
        done = f"Apply complete! Resources: {added} added, 0 changed, 0 destroyed."
        stage.run("apply", "--auto-approve", told=(done, "Verified"), most=20)


def _plan_again(stage: Stage) -> None:
    with stage.step("Again: nothing is left to do"):
        stage.say(
            """Two generations, which store and export things differently, and no difference is
            seen where there is none. With --detailed-exitcode a plan ends with 2 where there is
            something to do, and with 0 here."""
        )
        stage.run("plan", "--detailed-exitcode", told=(_MATCHES,))


def _publish(stage: Stage, shanghai: Broker) -> None:
    with stage.step("Meanwhile, the shop does business"):
        stage.say(f"Three VIP orders are delivered in Shanghai, an event {_EVENT} for each:")
        stage.line()
        for number in range(3):
            routed = shop.publish(shanghai, "ex.order.topic", _EVENT, f'{{"order": {number}}}')
            stage.check(routed, True, "the event came to a queue")
        for queue, count in sorted(shop.messages(shanghai).items()):
            stage.note(f"{queue:<20} {count} messages")
        stage.check(shop.messages(shanghai).get(_QUEUE), 3, f"messages in {_QUEUE}")


def _change_by_hand(stage: Stage, shanghai: Broker) -> None:
    with stage.step("Somebody opens the management page …"):
        stage.say(
            f"""… of Shanghai, deletes the binding *.viporder.# of {_QUEUE}, and sets message-ttl of
            the policy exchange_queue_ha from a day to an hour. Nobody is told, and the next VIP
            order will not reach its desk."""
        )
        shop.delete_binding(shanghai, "ex.order.topic", _QUEUE, "*.viporder.#")
        shop.change_policy(shanghai, "exchange_queue_ha", message_ttl=3_600_000)


def _notice(stage: Stage) -> None:
    with stage.step("… and the next plan shows it"):
        stage.run(
            "plan",
            "--detailed-exitcode",
            code=2,
            told=(
                "+ binding:common/ex.order.topic/queue/qu.order.vipdesk/%2A.viporder.%23",
                "~ policy:common/exchange_queue_ha",
                "Plan: 1 to add, 1 to change, 0 to destroy.",
            ),
            most=60,
        )


def _repair(stage: Stage, shanghai: Broker) -> None:
    with stage.step("Repair it"):
        stage.say(
            """Settings say `on_drift: heal`, so an unattended run takes back what nobody committed.
            Only the two objects that differ are touched: no queue, and no message in it."""
        )
        done = "Apply complete! Resources: 1 added, 1 changed, 0 destroyed."
        stage.run("apply", "--auto-approve", told=(done, "Verified"), most=16)
        stage.run("plan", "--detailed-exitcode", told=(_MATCHES,))
        stage.line()
        found = shop.messages(shanghai).get(_QUEUE)
        stage.note(f"{_QUEUE:<20} {found} messages, as before")
        stage.check(found, 3, f"messages in {_QUEUE}")
        routed = shop.publish(shanghai, "ex.order.topic", _EVENT, '{"order": 3}')
        stage.check(routed, True, "the event came to a queue")
        stage.check(shop.messages(shanghai).get(_QUEUE), 4, f"messages in {_QUEUE}")
        stage.note(f"{_QUEUE:<20} 4 messages after the next VIP order: the binding works again")


def _export(stage: Stage, hangzhou: Broker) -> None:
    with stage.step("The other way round: from a cluster to files"):
        stage.say(
            """A team with clusters and no repository begins here: export writes a cluster as the
            YAML that people would have written, hashes and URIs with passwords to a folder apart.
            What it wrote describes the cluster exactly: a plan with these files is empty."""
        )
        stage.run("export", "hangzhou", "--dir", "exported", told=("Exported ",))
        stage.line()
        for path in sorted((stage.folder / "exported").rglob("*.yaml")):
            stage.note(str(path.relative_to(stage.folder)))
        _write_settings_of_export(stage.folder, hangzhou)
        stage.run(
            "plan", "--config", "exported.yaml", "--detailed-exitcode", told=(_MATCHES,), most=12
        )


def _write_settings_of_export(folder: Path, hangzhou: Broker) -> None:
    settings = settings_for({"hangzhou": hangzhou}, {"path": "."})
    settings["include"] = ["exported.secrets/secrets.yaml"]
    del settings["secrets"]
    settings["clusters"]["hangzhou"] |= {"layers": ["exported"], "vars": {}}
    write_settings(folder / "exported.yaml", settings)
