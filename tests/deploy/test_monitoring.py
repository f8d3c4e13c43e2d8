"""Alerts and dashboard ask for what the daemon exports, and say what to do."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from rmqsync.daemon.board import Board
from rmqsync.daemon.documents import SYNCS
from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.web.webhooks import RESULTS
from tests.debian import program
from tests.deploy.exported import SETTINGS, families, series
from tests.deploy.places import DEPLOY, ROOT, load
from tests.docs.test_readme import anchors

RULES: list[dict[str, Any]] = [
    rule for group in load("monitoring/alerts.yaml")["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "monitoring/grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
TRIALS = ROOT / "tests/deploy/alerts.test.yaml"
EXPORTED = series()
OF_PROMETHEUS = {"instance", "job", "le"}
"""Labels that a scrape, or a histogram, brings along."""
OBJECTS = {"drifted", "unmanaged", "pending", "held"}


def queries() -> Iterator[Any]:
    """Every query of alerts and dashboard, with an id."""
    for rule in RULES:
        yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in PANELS:
        for target in panel["targets"]:
            expr = target["expr"].replace("$cluster", ".*")
            yield pytest.param(expr, id=f"{panel['title']} {target['refId']}")


QUERIES = list(queries())


def selectors(expr: str) -> list[Any]:
    """What a query selects, by the parser that has Prometheus' own grammar."""
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    assert promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def known_values(metric: str, label: str) -> set[str]:
    """The values that a label can have, as far as there is a list of them."""
    if label == "state":
        return set(SYNCS) if metric == "rmqsync_cluster_sync" else OBJECTS
    sources = (ROOT / "rmqsync/daemon").rglob("*.py")
    return {value for file in sources for value in re.findall(r'"([a-z-]+)"', file.read_text())}


@pytest.mark.parametrize("expr", QUERIES)
def test_a_query_asks_for_metrics_that_the_daemon_exports(expr: str) -> None:
    asked = [one.name for one in selectors(expr)]

    assert asked
    assert [name for name in asked if name not in EXPORTED] == []


@pytest.mark.parametrize("expr", QUERIES)
def test_a_query_asks_for_labels_and_values_that_there_are(expr: str) -> None:
    for one in selectors(expr):
        for matcher in one.matchers.matchers:
            assert matcher.name in EXPORTED[one.name] | OF_PROMETHEUS
            if str(matcher.op) in ("=", "MatchOp.Equal"):
                assert matcher.value in known_values(one.name, matcher.name)


@pytest.mark.parametrize("expr", QUERIES)
def test_a_query_groups_by_labels_that_there_are(expr: str) -> None:
    grouped = {
        label.strip()
        for labels in re.findall(r"\b(?:by|on|group_left)\s*\(([^)]*)\)", expr)
        for label in labels.split(",")
        if label.strip()
    }

    assert grouped <= OF_PROMETHEUS.union(*(EXPORTED[one.name] for one in selectors(expr)))


def test_no_alert_is_there_twice() -> None:
    assert sorted(set(NAMES)) == sorted(NAMES)
    assert all(name.startswith("Rmqsync") for name in NAMES)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_waits_for_a_time_and_says_how_bad_it_is(rule: dict[str, Any]) -> None:
    assert promql_parser.parse_duration(rule["for"]).total_seconds() >= 300
    assert rule["labels"]["severity"] in ("info", "warning", "critical")


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_what_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    page, _, anchor = notes["runbook_url"].partition("#")

    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["summary"][-1] != "."
    assert notes["description"][-1] == "."
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(ROOT / page)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_names_labels_that_its_query_has(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"\$labels\.([a-z]+)", "".join(rule["annotations"].values())))

    assert named <= set().union(*(EXPORTED[one.name] for one in selectors(rule["expr"])))


@pytest.mark.parametrize("words", [("check", "rules"), ("test", "rules")], ids=" ".join)
def test_prometheus_itself_agrees(words: tuple[str, ...]) -> None:
    file = DEPLOY / "monitoring/alerts.yaml" if words[0] == "check" else TRIALS

    promtool = program("promtool", "prometheus")

    done = subprocess.run(
        [promtool.path, *words, str(file)],
        cwd=TRIALS.parent, capture_output=True, text=True, env=promtool.env,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    tried = [
        (one["alertname"], bool(one.get("exp_alerts")))
        for trial in yaml.safe_load(TRIALS.read_text())["tests"]
        for one in trial["alert_rule_test"]
    ]

    assert {name for name, fires in tried if fires} == set(NAMES)
    assert {name for name, fires in tried if not fires} == set(NAMES)


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    everything = DASHBOARD["panels"]
    cells = [
        (x, y)
        for place in (one["gridPos"] for one in everything)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({one["id"] for one in everything}) == len(everything)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_shows_and_asks_the_chosen_source(panel: dict[str, Any]) -> None:
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert panel["description"].endswith(".")
    assert all(one["uid"] == "${datasource}" for one in sources)


def test_the_dashboard_has_the_variables_that_it_uses() -> None:
    text = json.dumps(PANELS)
    defined = {one["name"] for one in DASHBOARD["templating"]["list"]}

    assert set(re.findall(r"\$\{?([a-z]+)", text)) == defined


def test_the_dashboard_names_every_state_of_a_cluster() -> None:
    (panel,) = (one for one in PANELS if one["type"] == "state-timeline")
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]

    assert tuple(one["text"] for one in mapping["options"].values()) == SYNCS


def test_every_metric_is_drawn_or_watched() -> None:
    asked = {one.name for query in QUERIES for one in selectors(str(query.values[0]))}
    left = {name.removesuffix("_bucket") for name in asked}

    unused = {name for name in EXPORTED if not any(name.startswith(base) for base in left)}

    assert unused == set()


def test_the_dashboard_draws_every_metric() -> None:
    """docs/operations.md says so."""
    drawn = {
        one.name for panel in PANELS for target in panel["targets"]
        for one in selectors(target["expr"].replace("$cluster", ".*"))
    }  # fmt: skip

    missing = {
        family.name for family in families() if not any(name in drawn for name in family.series)
    }

    assert missing == set()


def test_counters_that_an_alert_waits_for_are_there_before_anything_happens() -> None:
    """Prometheus sees no increase in a counter that appears with its first event."""
    metrics = Metrics(Board(SETTINGS, {"prod": "folder"}))
    metrics.expects_webhooks(["github"], RESULTS)

    text = metrics.text(ready=True)[0].decode()

    assert 'rmqsync_notifications_total{result="failed"} 0.0' in text
    assert 'rmqsync_webhooks_total{forge="github",result="bad-signature"} 0.0' in text
