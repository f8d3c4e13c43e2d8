"""What right settings mean."""

from __future__ import annotations

import pytest

from rmqsync.config.cluster import (
    ClusterSettings,
    Lock,
    MaxDeletes,
    Mode,
    OnDrift,
    Prune,
    Scope,
    Tls,
    Window,
)
from rmqsync.config.read import read_settings
from rmqsync.config.secrets import SecretRef, SecretSource
from rmqsync.config.settings import Daemon, Event, Notify, Right, Settings, Token
from rmqsync.config.source import Source
from rmqsync.model.changes import Loss
from rmqsync.model.errors import SourceError
from tests.config.reading import settings

CLUSTER = """
  {name}:
    endpoints: [http://h]
    username: u
    password: {{env: P}}
    layers: [base]
"""


def cluster(lines: str, top: str = "") -> ClusterSettings:
    text = f"{top}\nclusters:\n" + CLUSTER.format(name="c").strip("\n") + "\n"
    return settings(text + "".join(f"    {line}\n" for line in lines.splitlines())).clusters["c"]


def test_every_key_of_the_design_is_read() -> None:
    text = """
    source:
      git: https://git.example.com/mq/definitions.git
      branch: main
      path: definitions
      poll: 60s
      token: {env: GIT_TOKEN}
      trusted_signers: {file: /etc/rmqsync/allowed_signers}
    secrets:
      order_svc_password: {env: ORDER_SVC_PASSWORD, for: ["user:order-svc"]}
      site_b_uri: {file: run/site_b_uri, for: ["federation_upstream:*/*"]}
    include: []
    defaults: {}
    clusters:
      shanghai:
        endpoints: [https://mq1.sh:15671, "https://mq2.sh:15671/"]
        username: rmqsync
        password: {env: RMQ_SH_PASSWORD}
        tls: {ca: /etc/ssl/mq-ca.pem, cert: c.pem, key: ../k.pem, verify: false}
        amqp: [amqps://mq1.sh:5671, {file: amqp}]
        lock: {vhost: lock, required: true}
        layers: [base, regions/shanghai/]
        vars: {region: sh, empty: ""}
        nodes: [rabbit@mq1, rabbit@mq2]
        mode: report
        on_drift: heal
        every: 2h
        windows: [{cron: "0 2 * * mon-fri", for: 2h, timezone: Asia/Shanghai}]
        prune: all
        prune_kinds: [user]
        allow_loss: none
        git_may_allow: everything
        max_deletes: {share: 1, objects: 0, bindings: 5}
        owner: team-a
        scope: {vhosts: ["shop*"], kinds: [queue, "*policy"]}
        ignore: ["queue:*/tmp.*"]
        protect: ["vhost:*", "user:admin"]
      dr-snapshot:
        endpoints: ["file:snapshots/dr.json"]
        layers: [base]
    daemon:
      bind: 0.0.0.0:80
      allow_anonymous: true
      data_dir: data
      history: {env: HISTORY}
      keep_runs: 30d
      backups: 3
      tokens: {ci: {env: CI, can: [plan, approve]}}
      webhooks: {github: {env: HOOK}}
      grace: 60s
    notify:
      - {url: {env: ALERT_URL}, on: [applied]}
    """

    read = settings(text)

    source = Source(
        git="https://git.example.com/mq/definitions.git",
        branch="main",
        path="definitions",
        poll_s=60,
        token=SecretRef(env="GIT_TOKEN"),
        trusted_signers=SecretRef(file="/etc/rmqsync/allowed_signers"),
    )
    assert read == Settings(
        file="rmqsync.yaml",
        source=source,
        secrets={
            "order_svc_password": SecretSource(
                env="ORDER_SVC_PASSWORD", patterns=("user:order-svc",)
            ),
            "site_b_uri": SecretSource(
                file="/etc/mq/run/site_b_uri", patterns=("federation_upstream:*/*",)
            ),
        },
        clusters={
            "shanghai": ClusterSettings(
                name="shanghai",
                source=source,
                endpoints=("https://mq1.sh:15671", "https://mq2.sh:15671"),
                username="rmqsync",
                password=SecretRef(env="RMQ_SH_PASSWORD"),
                tls=Tls(
                    ca="/etc/ssl/mq-ca.pem", cert="/etc/mq/c.pem", key="/etc/k.pem", verify=False
                ),
                amqp=("amqps://mq1.sh:5671", SecretRef(file="/etc/mq/amqp")),
                lock=Lock(vhost="lock", required=True),
                layers=("base", "regions/shanghai"),
                vars={"region": "sh", "empty": ""},
                nodes=("rabbit@mq1", "rabbit@mq2"),
                mode=Mode.REPORT,
                on_drift=OnDrift.HEAL,
                every_s=7200,
                windows=(Window(cron="0 2 * * mon-fri", for_s=7200, timezone="Asia/Shanghai"),),
                prune=Prune.ALL,
                prune_kinds=("user",),
                allow_loss=Loss.NONE,
                git_may_allow=Loss.EVERYTHING,
                max_deletes=MaxDeletes(share=1.0, objects=0, bindings=5),
                owner="team-a",
                scope=Scope(vhosts=("shop*",), kinds=("queue", "*policy")),
                ignore=("queue:*/tmp.*",),
                protect=("vhost:*", "user:admin"),
            ),
            "dr-snapshot": ClusterSettings(
                name="dr-snapshot",
                source=source,
                endpoints=("file:/etc/mq/snapshots/dr.json",),
                layers=("base",),
                every_s=300,
            ),
        },
        daemon=Daemon(
            bind="0.0.0.0:80",
            allow_anonymous=True,
            data_dir="/etc/mq/data",
            history=SecretRef(env="HISTORY"),
            keep_runs_s=30 * 86400,
            backups=3,
            tokens={"ci": Token(env="CI", can=(Right.PLAN, Right.APPROVE))},
            webhooks={"github": SecretRef(env="HOOK")},
            grace_s=60,
        ),
        notify=(Notify(url=SecretRef(env="ALERT_URL"), on=(Event.APPLIED,)),),
    )


def test_defaults_are_those_of_the_design() -> None:
    assert cluster("") == ClusterSettings(
        name="c",
        source=Source(path="/etc/mq"),
        endpoints=("http://h",),
        username="u",
        password=SecretRef(env="P"),
        tls=Tls(ca=None, cert=None, key=None, verify=True),
        amqp=(),
        lock=Lock(vhost="/", required=False),
        layers=("base",),
        vars={},
        nodes=(),
        mode=Mode.APPLY,
        on_drift=OnDrift.REPORT,
        every_s=300,
        cron=None,
        windows=(),
        prune=Prune.OWNED,
        prune_kinds=(),
        allow_loss=Loss.ACCESS,
        git_may_allow=Loss.MESSAGES,
        max_deletes=MaxDeletes(share=0.3, objects=20, bindings=500),
        owner="main",
        scope=Scope(vhosts=("*",), kinds=("*",)),
        ignore=(),
        protect=(),
    )


def test_an_empty_file_is_no_clusters() -> None:
    assert settings("") == Settings(file="rmqsync.yaml", source=Source(path="/etc/mq"))


def test_clusters_keep_the_order_of_the_file() -> None:
    text = "clusters:\n" + "".join(CLUSTER.format(name=name) for name in ("b", "a", "c"))

    assert list(settings(text).clusters) == ["b", "a", "c"]


def test_a_snapshot_is_a_cluster_without_broker() -> None:
    read = settings('clusters: {a: {endpoints: ["file:///x/a%20b.json"], layers: [base]}}')

    assert read.clusters["a"].snapshot == "/x/a b.json"
    assert cluster("").snapshot is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("every: 45s", (45, None)),
        ('cron: "*/10  * * * *"', (None, "*/10 * * * *")),
        ("every:", (300, None)),
    ],
    ids=["every", "cron", "no value"],
)
def test_a_schedule_is_every_or_cron(lines: str, expected: tuple[int | None, str | None]) -> None:
    read = cluster(lines)

    assert (read.every_s, read.cron) == expected


def test_a_schedule_of_a_cluster_takes_the_place_of_the_other_sort_in_defaults() -> None:
    read = cluster('cron: "0 * * * *"', "defaults: {every: 1h, on_drift: heal}")

    assert (read.every_s, read.cron, read.on_drift) == (None, "0 * * * *", OnDrift.HEAL)


def test_defaults_go_under_each_cluster_key_by_key() -> None:
    top = """
defaults:
  vars: {a: default, b: default}
  max_deletes: {objects: 1}
  protect: ["vhost:*"]
  lock: {required: true}
"""
    read = cluster('vars: {b: own}\nmax_deletes: {bindings: 2}\nprotect: ["user:x"]', top)

    assert read.vars == {"a": "default", "b": "own"}
    assert read.max_deletes == MaxDeletes(objects=1, bindings=2)
    assert read.protect == ("user:x",)
    assert read.lock == Lock(required=True)


def test_a_key_without_value_takes_a_default_away() -> None:
    top = 'defaults: {protect: ["vhost:*"], vars: {a: "1", b: "2"}}'

    read = cluster("protect:\nvars: {a: }", top)

    assert (read.protect, read.vars) == ((), {"b": "2"})


def test_a_reference_in_defaults_is_replaced_whole() -> None:
    text = """
    defaults: {username: u, password: {env: P}}
    clusters:
      a: {endpoints: [http://a], layers: [x], password: {file: /p}}
      b: {endpoints: [http://b], layers: [x]}
    """

    read = settings(text).clusters

    assert read["a"].password == SecretRef(file="/p")
    assert read["b"].password == SecretRef(env="P")


def test_a_source_of_ones_own_changes_keys_of_the_common_one() -> None:
    top = "source: {git: https://h/r.git, token: {env: T}, path: defs, poll: 2m}"

    read = cluster("source: {branch: next}", top)

    assert read.source == Source(
        git="https://h/r.git", token=SecretRef(env="T"), path="defs", poll_s=120, branch="next"
    )


def test_a_repository_of_ones_own_never_gets_the_token_of_the_common_one() -> None:
    top = "source: {git: https://h/r.git, token: {env: T}, path: defs}"

    read = cluster("source: {git: https://other/r.git}", top)

    assert read.source == Source(git="https://other/r.git")


def test_a_source_in_defaults_stands_between_the_common_one_and_the_clusters() -> None:
    top = "source: {git: https://h/r.git, path: a}\ndefaults: {source: {path: b, branch: x}}"

    read = cluster("source: {path: c}", top)

    assert read.source == Source(git="https://h/r.git", path="c", branch="x")


@pytest.mark.parametrize(
    ("git", "expected"),
    [
        ("https://h/r.git", "https://h/r.git"),
        ("ssh://git@h:22/r.git", "ssh://git@h:22/r.git"),
        ("git@h:mq/r.git", "git@h:mq/r.git"),
        ("file:///srv/r.git", "file:///srv/r.git"),
        ("../repos/mq", "/etc/repos/mq"),
        ("/srv/r.git", "/srv/r.git"),
    ],
)
def test_a_repository_is_a_url_or_a_path(git: str, expected: str) -> None:
    assert settings(f"source: {{git: '{git}'}}").source.git == expected


@pytest.mark.parametrize(
    ("path", "expected"), [("defs", "/etc/mq/defs"), ("../defs/", "/etc/defs"), ("/d", "/d")]
)
def test_the_path_of_a_folder_source_is_relative_to_the_file(path: str, expected: str) -> None:
    assert settings(f"source: {{path: {path}}}").source == Source(path=expected)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("60s", 60), ("5m", 300), ("2h", 7200), ("1d", 86400)]
)
def test_durations_are_seconds(text: str, seconds: int) -> None:
    assert cluster(f"every: {text}").every_s == seconds


def test_included_files_add_their_clusters_secrets_and_lists() -> None:
    text = """
    include: [sub/secrets.yaml, more.yaml]
    secrets: {a: {env: A, for: ["user:a"]}}
    defaults: {username: u}
    notify: [{url: {env: ONE}}]
    """
    more = {
        "sub/secrets_yaml": 'secrets: {b: {file: b, for: ["user:b"]}}',
        "more_yaml": """
            include: [rmqsync.yaml]
            defaults: {password: {env: P}}
            clusters: {c: {endpoints: [http://h], layers: [base], tls: {ca: ca.pem}}}
            notify: [{url: {env: TWO}}]
            """,
    }

    read = settings(text, **more)

    assert read.secrets["b"] == SecretSource(file="/etc/mq/sub/b", patterns=("user:b",))
    assert list(read.secrets) == ["a", "b"]
    assert read.clusters["c"].password == SecretRef(env="P")
    assert [item.url.env for item in read.notify] == ["ONE", "TWO"]


def test_paths_in_an_included_file_start_from_its_folder() -> None:
    text = "include: [sub/x.yaml]"
    more = {
        "sub/x_yaml": """
            source: {path: defs}
            include: [../y.yaml]
            clusters: {c: {endpoints: ["file:c.json"], layers: [base], tls: {ca: ca.pem}}}
            """,
        "y_yaml": "daemon: {data_dir: data}",
    }

    read = settings(text, **more)

    assert read.source.path == "/etc/mq/sub/defs"
    assert read.clusters["c"].endpoints == ("file:/etc/mq/sub/c.json",)
    assert read.clusters["c"].tls.ca == "/etc/mq/sub/ca.pem"
    assert read.daemon.data_dir == "/etc/mq/data"


def test_a_main_file_that_cannot_be_read_is_an_error_of_its_source() -> None:
    def read(name: str) -> bytes:
        raise SourceError("no")

    with pytest.raises(SourceError, match=r"^no$"):
        read_settings("x.yaml", read)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///runs.sqlite", "sqlite:////etc/mq/runs.sqlite"),
        ("sqlite:////var/runs.sqlite", "sqlite:////var/runs.sqlite"),
        ("postgresql://ann@db:5433/runs", "postgresql://ann@db:5433/runs"),
        ("postgresql:///runs?host=/run/postgresql", "postgresql:///runs?host=/run/postgresql"),
    ],
)
def test_a_history_is_a_file_or_a_server(written: str, read: str) -> None:
    found = settings(f"daemon: {{history: '{written}'}}")

    assert found.daemon.history == read
