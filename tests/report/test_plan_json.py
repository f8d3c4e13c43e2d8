from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import jsonschema
import pytest

from rmqsync.model.changes import (
    ABSENT,
    Action,
    Change,
    ClusterPlan,
    ClusterResult,
    Impact,
    Loss,
    Ref,
    Revision,
)
from rmqsync.model.errors import SourceError
from rmqsync.model.findings import Origin
from rmqsync.report.plan_json import dumps, entry_of, plan_document, read_plan
from rmqsync.report.plan_schema import plan_schema
from rmqsync.report.seal import is_whole, sealed
from rmqsync.version import __version__
from tests.report import plans
from tests.report.plans import became, queue, secret


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with no key allowed that it does not name."""
    closed: dict[str, Any] = {}
    for name, value in schema.items():
        if isinstance(value, dict):
            value = strict(value)
        elif isinstance(value, list):
            value = [strict(one) if isinstance(one, dict) else one for one in value]
        closed[name] = value
    if closed.get("type") == "object" and "properties" in closed:
        closed["additionalProperties"] = False
    return closed


def test_every_field_of_the_design_is_there_and_of_findings_the_column() -> None:
    hold = plans.LOSES_MESSAGES
    one = queue(
        Action.UPDATE,
        "qu.order.crm",
        became("arguments", "x-max-length", was=1, to=2),
        loss=Loss.MESSAGES,
        hold=hold,
        impact=Impact(14203, 3, (plans.bound("*.viporder.#"),)),
        source=Origin("base/order.yaml", 14, 3),
    )
    cluster = ClusterPlan(
        "shanghai",
        rabbitmq_version="3.10.8",
        changes=(one,),
        unmanaged=(Ref("queue", ("/", "qu.tmp")),),
        findings=plans.FINDINGS[:1],
        unchanged=7,
        fingerprint="sha256:0",
    )
    counts = {
        "create": 0,
        "update": 0,
        "replace": 0,
        "delete": 0,
        "held": 1,
        "unmanaged": 1,
        "unchanged": 7,
    }

    document = plan_document(plans.plan(cluster))

    assert document == {
        "format_version": "1.0",
        "rmqsync_version": __version__,
        "created_at": plans.CREATED,
        "revision": {"commit": plans.COMMIT, "dirty": False},
        "summary": counts,
        "clusters": [
            {
                "name": "shanghai",
                "status": "ok",
                "error": None,
                "rabbitmq_version": "3.10.8",
                "summary": counts,
                "fingerprint": "sha256:0",
                "changes": [
                    {
                        "action": "update",
                        "kind": "queue",
                        "vhost": "common",
                        "name": "qu.order.crm",
                        "address": "queue:common/qu.order.crm",
                        "fields": [
                            {
                                "path": ["arguments", "x-max-length"],
                                "before": 1,
                                "after": 2,
                                "forces_replacement": False,
                            }
                        ],
                        "cause": "git",
                        "loss": "messages",
                        "hold": {
                            "code": "loss",
                            "reason": hold.reason,
                            "override": "--allow-loss messages:queue:common/qu.order.old",
                        },
                        "impact": {
                            "messages": 14203,
                            "consumers": 3,
                            "implied": [
                                "binding:common/ex.order.topic/queue/qu.order.crm/%2A.viporder.%23"
                            ],
                        },
                        "source": {"file": "base/order.yaml", "line": 14},
                    }
                ],
                "unmanaged": [
                    {
                        "kind": "queue",
                        "vhost": "/",
                        "name": "qu.tmp",
                        "address": "queue:%2F/qu.tmp",
                    }
                ],
                "findings": [
                    {
                        "code": "RMQ201",
                        "severity": "warning",
                        "message": "policy 'mirror-all' matches every queue; "
                        "name the queues it is for",
                        "address": "policy:common/mirror-all",
                        "source": {
                            "file": "regions/shanghai/policies.yaml",
                            "line": 4,
                            "column": 12,
                        },
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("ref", "vhost", "name"),
    [
        (Ref("queue", ("common", "a/b c")), "common", "a/b c"),
        (Ref("exchange", ("/", "订单")), "/", "订单"),
        (Ref("permission", ("a/b", "order@svc")), "a/b", "order@svc"),
        (
            Ref("binding", ("common", "ex", "queue", "a/b", "*.x.#", "")),
            "common",
            "ex/queue/a%2Fb/%2A.x.%23",
        ),
        (
            Ref("binding", ("common", "ex", "queue", "q", "", '{"x-match":"all"}')),
            "common",
            "ex/queue/q/~19646138",
        ),
    ],
    ids=["queue", "exchange", "permission", "binding", "binding with arguments"],
)
def test_a_name_is_the_address_without_kind_and_vhost(ref: Ref, vhost: str, name: str) -> None:
    entry = entry_of(ref)

    assert (entry["vhost"], entry["name"]) == (vhost, name)


@pytest.mark.parametrize(
    ("plan", "results"),
    [
        (plans.FLEET, None),
        (plans.NOTHING, None),
        (plans.ODD, None),
        (plans.FLEET, plans.PARTIAL),
    ],
    ids=["fleet", "nothing", "odd", "partial"],
)
def test_a_document_fits_its_schema_and_survives_a_file(plan: Any, results: Any) -> None:
    document = plan_document(plan, results)

    text = dumps(document)

    jsonschema.Draft202012Validator(strict(plan_schema())).validate(document)
    assert read_plan(text.encode()) == document
    assert "".join(text.split("\n")).isprintable()


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(plan_schema())


def test_a_side_that_is_absent_is_left_out_and_null_is_a_value() -> None:
    fields = [
        queue(Action.UPDATE, "q", became("a", was=None, to=1)),
        queue(Action.UPDATE, "q", became("a", was=ABSENT, to=None)),
        queue(Action.UPDATE, "q", became("a", was=1, to=ABSENT)),
    ]

    document = plan_document(plans.plan(ClusterPlan("c", changes=tuple(fields))))

    shown = [change["fields"][0] for change in document["clusters"][0]["changes"]]
    assert shown == [
        {"path": ["a"], "before": None, "after": 1, "forces_replacement": False},
        {"path": ["a"], "after": None, "forces_replacement": False},
        {"path": ["a"], "before": 1, "forces_replacement": False},
    ]


def test_secrets_are_not_in_it_on_either_side() -> None:
    change = queue(
        Action.UPDATE,
        "q",
        secret("password", was="hush", to={"secret": "NAME"}),
        secret("uri", to="amqp://u:hush@host"),
        became("unmarked", was=["amqp://u:hush@host"], to="amqp://host"),
    )

    document = plan_document(plans.plan(ClusterPlan("c", changes=(change,))))

    fields = document["clusters"][0]["changes"][0]["fields"]
    assert [(f.get("before"), f.get("after")) for f in fields] == [
        ("(sensitive)", "(sensitive)"),
        (None, "(sensitive)"),
        ("(sensitive)", "amqp://host"),
    ]


def test_credentials_in_the_brokers_own_words_are_masked() -> None:
    cluster = ClusterPlan("c", error="cannot parse amqp://u:hush@host/v: no such host")

    document = plan_document(plans.plan(cluster))

    error = document["clusters"][0]["error"]
    assert error == "cannot parse amqp://(sensitive)@host/v: no such host"


def test_arguments_of_a_binding_are_fields_since_its_address_has_their_digest_only() -> None:
    key = ("common", "ex", "queue", "q", "", '{"x-match":"all"}')
    row = {"arguments": {"x-match": "all"}}
    change = Change(Action.CREATE, Ref("binding", key), None, row)

    document = plan_document(plans.plan(ClusterPlan("c", changes=(change,))))

    assert document["clusters"][0]["changes"][0]["fields"] == [
        {"path": ["arguments", "x-match"], "after": "all", "forces_replacement": False}
    ]


def test_an_apply_adds_outcomes_and_holds_that_came_while_applying() -> None:
    document = plan_document(plans.FLEET, plans.PARTIAL)

    shanghai, frankfurt, dr = document["clusters"]
    assert [change.get("result") for change in shanghai["changes"]] == [
        "applied",
        "failed",
        "applied",
        "skipped",
        "skipped",
        "skipped",
        "applied",
        "applied",
        "skipped",
    ]
    assert shanghai["changes"][3]["hold"] == {
        "code": "not-proven",
        "reason": "a consumer came back while it was being proven unused",
        "override": "--allow-loss messages:queue:common/qu.order.crm",
    }
    assert (shanghai["summary"]["replace"], shanghai["summary"]["held"]) == (0, 3)
    assert document["summary"]["held"] == 3
    assert [c.get("verified") for c in (shanghai, frankfurt, dr)] == [True, True, False]


def test_what_a_run_did_not_come_to_is_skipped_and_not_verified() -> None:
    result = ClusterResult(plans.CREATES, (plans.DONE,), interrupted=True)

    document = plan_document(plans.plan(plans.CREATES), [result])

    cluster = document["clusters"][0]
    assert [(c.get("result"), c.get("error")) for c in cluster["changes"]] == [
        ("applied", None),
        ("skipped", "the run ended before it"),
        ("skipped", "the run ended before it"),
    ]
    assert (cluster.get("verified"), cluster.get("interrupted")) == (False, True)


SAVED = sealed(
    plan_document(plans.FLEET, extra={"id": "1"}, cluster_extra={"shanghai": {"layers": ["base"]}})
)


def test_further_keys_and_sides_are_passed_on() -> None:
    document: Any = plan_document(
        plans.NOTHING,
        extra={"tree": "abc"},
        cluster_extra={"frankfurt": {"layers": ["base"]}},
        sides=("a", "b"),
    )

    assert document["tree"] == "abc"
    assert document["clusters"][0]["layers"] == ["base"]
    assert document["sides"] == {"from": "a", "to": "b"}
    assert read_plan(dumps(sealed(document))) == {**document, "digest": ANY}


def test_a_saved_plan_is_read_however_its_keys_are_laid_out() -> None:
    saved: Any = json.loads(dumps(SAVED))

    laid_out = dict(reversed(saved.items()))

    assert read_plan(json.dumps(laid_out, indent=7)) == saved


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda plan: plan["clusters"][0]["changes"].pop(), id="a change less"),
        pytest.param(
            lambda plan: plan["clusters"][0]["changes"][0].update(cause="drift"), id="a cause"
        ),
        pytest.param(lambda plan: plan["clusters"][0].update(findings=[]), id="no findings"),
        pytest.param(lambda plan: plan["summary"].update(delete=7), id="a count"),
        pytest.param(lambda plan: plan.update(more=1), id="a key more"),
        pytest.param(lambda plan: plan.update(digest="sha256:0"), id="another digest"),
        pytest.param(lambda plan: plan.pop("digest"), id="no digest"),
    ],
)
def test_a_saved_plan_that_was_changed_is_told_from_a_whole_one(
    changed: Callable[[Any], object],
) -> None:
    saved = json.loads(dumps(SAVED))
    assert is_whole(saved)
    changed(saved)

    assert not is_whole(read_plan(json.dumps(saved), "x.plan"))


def test_a_folder_that_is_no_repository_has_no_commit() -> None:
    document = plan_document(plans.plan(revision=Revision(None)))

    assert document["revision"] == {"commit": None, "dirty": False}


GOOD = json.loads(dumps(plan_document(plans.ONE)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "x.plan: not a saved plan: it is no JSON"),
        (b"\xff\xfe\x00", "x.plan: not a saved plan: it is no JSON"),
        ("[" * 100_000, "x.plan: not a saved plan: it is no JSON"),
        ("[]", "x.plan: not a saved plan: it has no format_version"),
        ('{"format_version": 1}', "x.plan: not a saved plan: it has no format_version"),
        ('{"format_version": "2.0"}', "x.plan: format_version is '2.0', this rmqsync reads 1.0"),
        (json.dumps({**GOOD, "clusters": 3}), "x.plan: not a saved plan: ['clusters']: 3 is not"),
        (
            json.dumps({**GOOD, "clusters": [{**GOOD["clusters"][0], "status": "fine"}]}),
            "x.plan: not a saved plan: ['clusters'][0]['status']: 'fine' is not one of",
        ),
    ],
    ids=["cut", "bytes", "deep", "list", "number", "newer", "type", "word"],
)
def test_what_is_no_plan_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_plan(text, "x.plan")

    assert str(caught.value).startswith(message)


def test_a_plan_of_a_later_version_with_more_keys_is_read() -> None:
    later = {**GOOD, "format_version": "1.7", "more": {"x": 10**40}}

    assert read_plan(json.dumps(later))["format_version"] == "1.7"
