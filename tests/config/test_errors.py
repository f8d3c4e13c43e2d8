"""What wrong settings get: all errors at once, each with its place and what to do."""

# ruff: noqa: E501 (a message is easier to read in one piece)

from __future__ import annotations

import pytest

from tests.config.reading import cluster_errors, errors

REFERENCE = "refer to it with {env: NAME} or {file: PATH}"


def test_all_errors_of_all_files_are_reported_with_their_places() -> None:
    text = """\
    include: [other.yaml, gone.yaml, broken.yaml]
    clsters: {}
    clusters:
      a:
        endpoints: [https://h]
        username: u
        password: {env: P}
        layers: [../x]
        allow_loss: message
    """
    more = {
        "other_yaml": "secrets:\n  s: {env: S}\n",
        "broken_yaml": "daemon: {bind: [",
    }

    found = errors(text, **more)

    assert found[1:] == [
        "other.yaml:2:3: secrets.s: key 'for' is missing",
        "rmqsync.yaml:1:23: include[1]: 'gone.yaml' cannot be read: no such file or directory",
        "rmqsync.yaml:2:1: clsters: unknown key; did you mean 'clusters'?",
        "rmqsync.yaml:8:14: clusters.a.layers[0]: '../x' must be a relative folder without '..'",
        "rmqsync.yaml:9:17: clusters.a.allow_loss: must be one of none, behaviour, routing, "
        "access, messages, everything, is 'message'; did you mean 'messages'?",
    ]
    assert found[0].startswith("broken.yaml:2:1: not YAML")


def test_a_time_zone_that_there_is_not_is_told_with_the_other_errors_and_the_nearest() -> None:
    text = """\
    clusters:
      a:
        endpoints: ["file:a"]
        layers: [x]
        windows:
          - {cron: "0 2 * * *", for: 2h, timezone: Asia/Shangai}
          - {cron: "0 25 * * *", for: 2h, timezone: Mars}
    """

    assert errors(text) == [
        "rmqsync.yaml:6:48: clusters.a.windows[0].timezone: there is no time zone 'Asia/Shangai' in the tz database; did you mean 'Asia/Shanghai'?",
        "rmqsync.yaml:7:16: clusters.a.windows[1].cron: '0 25 * * *' is no cron line: '25' is no hour (0 to 23); write it as in '*/10 * * * *'",
        "rmqsync.yaml:7:49: clusters.a.windows[1].timezone: there is no time zone 'Mars' in the tz database; name one such as Asia/Shanghai",
    ]


def test_an_error_in_defaults_is_reported_once_and_also_without_clusters() -> None:
    text = "defaults: {evry: 5m, every: 5}\n"
    clusters = """
clusters:
  a: {endpoints: ["file:a"], layers: [x]}
  b: {endpoints: ["file:b"], layers: [x]}
"""

    expected = [
        "rmqsync.yaml:1:12: defaults.evry: unknown key; did you mean 'every'?",
        "rmqsync.yaml:1:29: defaults.every: must be a string, is 5; put it in quotes",
    ]
    assert errors(text) == expected
    assert errors(text + clusters) == expected


def test_the_same_key_in_two_files_is_an_error_that_names_both_places() -> None:
    text = """\
    include: [b.yaml]
    secrets:
      s: {env: S, for: ["user:s"]}
    defaults: {username: a}
    """
    more = {"b_yaml": 'defaults: {username: b}\nsecrets:\n  s: {env: S, for: ["user:s"]}\n'}

    assert errors(text, **more) == [
        "b.yaml:1:12: defaults.username: is set here and at rmqsync.yaml:4:12; keep one of them",
        "b.yaml:3:3: secrets.s: is set here and at rmqsync.yaml:3:3; keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]", "1:1: must be a mapping, is a list; with keys such as clusters"),
        ("clusters: []", "1:11: clusters: must be a mapping, is a list; of names to values"),
        (
            "clusters: {a b: {endpoints: ['file:x'], layers: [x]}}",
            "1:12: clusters.a b: 'a b' is no name; use letters, digits, _ . and -",
        ),
        (
            "source: {branch: x}",
            "1:10: source.branch: needs the key git; name the repository there",
        ),
        (
            "source: {git: 'git@h:r', token: {env: T}}",
            "1:26: source.token: is sent over https only; write git: https://…",
        ),
        (
            "source: {git: 'https://h/r', ssh_key: {env: T}}",
            "1:39: source.ssh_key: must be a file; write {file: PATH}",
        ),
        (
            "source: {git: 'https://me:secret@h/r'}",
            "1:15: source.git: 'https://…@h/r' holds a user name or password; use the keys "
            "username and token",
        ),
        ("source: {git: 'https://h'}", "1:15: source.git: 'https://h' names no repository"),
        (
            "source: {git: 'ext::sh -c id', path: x}",
            "1:15: source.git: 'ext::sh -c id' is no repository; it is a URL, user@host:path or "
            "a path",
        ),
        (
            "source: {git: 'https://h/r', path: ../x}",
            "1:36: source.path: '../x' must be a folder inside the repository",
        ),
        ("secrets: {a: hunter2}", f"1:14: secrets.a: must not be written here; {REFERENCE}"),
        (
            "secrets: {a: {env: A, file: b, for: ['user:a']}}",
            "1:14: secrets.a: needs either env or file; write {env: NAME} or {file: PATH}",
        ),
        (
            "secrets: {a: {env: A, for: []}}",
            "1:28: secrets.a.for: the list is empty; name at least 1",
        ),
        (
            "secrets: {a: {env: 'A-B', for: ['user:a']}}",
            "1:20: secrets.a.env: 'A-B' is not the name of an environment variable",
        ),
        (
            "notify: [{url: 'slack://token'}]",
            f"1:16: notify[0].url: must not be written here; {REFERENCE}",
        ),
        (
            "notify: [{url: {env: A}, on: [drift, drift]}]",
            "1:38: notify[0].on[1]: 'drift' is listed twice; remove one",
        ),
        ("daemon: {bind: localhost}", "1:16: daemon.bind: 'localhost' is not HOST:PORT"),
        (
            "daemon: {history: 'postgresql://u:secret@h/db'}",
            "1:19: daemon.history: 'postgresql://…@h/db' holds a password; refer to the whole URL "
            "with {env: NAME} or {file: PATH}",
        ),
        (
            "daemon: {history: 'postgresql://u@h/db?password=secret'}",
            "1:19: daemon.history: 'postgresql://…@h/db' holds a password; refer to the whole URL "
            "with {env: NAME} or {file: PATH}",
        ),
        (
            "daemon: {history: 'postgresql:///db?password=secret'}",
            "1:19: daemon.history: 'postgresql:///db' holds a password; refer to the whole URL "
            "with {env: NAME} or {file: PATH}",
        ),
        (
            "daemon: {history: 'sqlite://runs.sqlite'}",
            "1:19: daemon.history: 'sqlite://runs.sqlite' names no file; write sqlite:///PATH",
        ),
        (
            "daemon: {webhooks: {githb: {env: A}}}",
            "1:21: daemon.webhooks.githb: 'githb' is no name; use github, gitlab, gitea, "
            "bitbucket or generic",
        ),
        ("daemon: {backups: 1.5}", "1:19: daemon.backups: must be a whole number, is 1.5"),
    ],
)
def test_outside_of_clusters(text: str, expected: str) -> None:
    assert errors(text) == [f"rmqsync.yaml:{expected}"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("endpoints: []", "endpoints: the list is empty; name at least 1"),
        (
            "endpoints: https://u:secret@h",
            "endpoints: must be a list, is 'https://…@h'; put it in [ ]",
        ),
        (
            "endpoints: [https://u:secret@h/x]",
            "endpoints[0]: 'https://…@h/x' holds a user name or password; use the keys username "
            "and password",
        ),
        (
            "endpoints: [ftp://h]",
            "endpoints[0]: 'ftp://h' is no address for this; it starts with https:// or http:// "
            "or file:",
        ),
        (
            "endpoints: ['http://h:99999']",
            "endpoints[0]: 'http://h:99999' has no valid host and port",
        ),
        ("endpoints: ['http://h:0']", "endpoints[0]: 'http://h:0' has no valid host and port"),
        ("endpoints: ['http://a b']", "endpoints[0]: 'http://a b' has no valid host and port"),
        ("endpoints: ['http://']", "endpoints[0]: 'http://' has no valid host and port"),
        ("endpoints: ['http://[::1']", "endpoints[0]: 'http://[::1' has no valid host and port"),
        ("endpoints: ['http://h?a=b']", "endpoints[0]: 'http://h?a=b' must end before '?' and '#'"),
        ("endpoints: ['file:']", "endpoints[0]: 'file:' names no file; write file:PATH"),
        (
            "endpoints: ['file://host/x']",
            "endpoints[0]: 'file://host/x' names no file; write file:PATH",
        ),
        (
            "endpoints: [http://a, 'file:x']",
            "endpoints: 'file:x' stands beside other endpoints; a cluster is either nodes, or one "
            "file",
        ),
        (
            "endpoints: [http://a, http://a/]",
            "endpoints[1]: 'http://a/' is listed twice; remove one",
        ),
        ("password: hunter2", f"password: must not be written here; {REFERENCE}"),
        ("password: 12345", f"password: must not be written here; {REFERENCE}"),
        (
            "password: {env: A, file: b}",
            "password: needs either env or file; write {env: NAME} or {file: PATH}",
        ),
        ("password:", "key 'password' is missing"),
        ("username:", "key 'username' is missing"),
        ("layers:", "key 'layers' is missing"),
        ("layers: [/a]", "layers[0]: '/a' must be a relative folder without '..'"),
        ("layers: [a/../b]", "layers[0]: 'a/../b' must be a relative folder without '..'"),
        ("layers: [.]", "layers[0]: '.' must name a folder; move the files into one"),
        ("layers: [a, a/]", "layers[1]: 'a/' is listed twice; remove one"),
        ("layers: ['']", "layers[0]: is empty"),
        ("vars: {a: 1}", "vars.a: must be a string, is 1; put it in quotes"),
        ("vars: {a: true}", "vars.a: must be a string, is true; put it in quotes"),
        ("vars: {a: [x]}", "vars.a: must be a string, is a list"),
        ("vars: {'a}': x}", "vars.a}: 'a}' is no name; use letters, digits, _ . and -"),
        (
            "amqp: [amqp://u:secret@h]",
            "amqp[0]: 'amqp://…@h' holds a user name or password; use the keys username and password, or refer to the whole URL with {env: NAME} or {file: PATH}",
        ),
        (
            "amqp: [amqp://h/vhost]",
            "amqp[0]: 'amqp://h/vhost' names a vhost; leave it out; the lock has a key vhost",
        ),
        (
            "amqp: [http://h]",
            "amqp[0]: 'http://h' is no address for this; it starts with amqps:// or amqp://",
        ),
        ("lock: true", "lock: must be a mapping, is true; with keys such as vhost, required"),
        ("lock: {requird: true}", "lock.requird: unknown key; did you mean 'required'?"),
        ("lock: {zzz: true}", "lock.zzz: unknown key; known are vhost, required"),
        ("tls: {verify: 1}", "tls.verify: must be true or false, is 1"),
        ("mode: aply", "mode: must be one of apply, report, is 'aply'; did you mean 'apply'?"),
        ("prune: true", "prune: must be one of never, owned, all, is true"),
        ("owner: Team A", "owner: 'Team A' is not an owner: lower-case letters, digits and -"),
        ("nodes: [mq1]", "nodes[0]: 'mq1' is not a node name such as rabbit@mq1"),
        ("every: 90", "every: must be a string, is 90; put it in quotes"),
        ("every: 0s", "every: '0s' is not a duration: a number and s, m, h or d, as in 5m"),
        ("every: 5m30s", "every: '5m30s' is not a duration: a number and s, m, h or d, as in 5m"),
        ("every: 5m\ncron: '* * * * *'", "cron: cannot be set together with every; remove one"),
        (
            "cron: '* * *'",
            "cron: '* * *' is no cron line: it has 3 fields, not 5; write it as in '*/10 * * * *'",
        ),
        ("windows: [{cron: '0 2 * * *'}]", "windows[0]: key 'for' is missing"),
        (
            "windows: [{cron: '0 2 * * *', for: 2h, timezone: ../x}]",
            "windows[0].timezone: '../x' is not a time zone such as Asia/Shanghai",
        ),
        ("max_deletes: {share: 30}", "max_deletes.share: must be from 0.0 to 1.0, is 30"),
        ("max_deletes: {objects: -1}", "max_deletes.objects: must be 0 or more, is -1"),
        ("max_deletes: {objects: true}", "max_deletes.objects: must be a whole number, is true"),
        ("scope: {vhosts: []}", "scope.vhosts: the list is empty; name at least 1"),
        (
            "protect: [admin]",
            "protect[0]: 'admin' is not a pattern over addresses, as in 'queue:shop/*' or 'vhost:*'",
        ),
        (
            "protect: ['user:x', 'queu:*']",
            "protect[1]: there is no kind 'queu'; did you mean 'queue'?",
        ),
        (
            "ignore: ['bind*:*']",
            "ignore[0]: there is no kind 'bind*'; kinds are vhost, user, queue, policy, federation_upstream, shovel",
        ),
        (
            "scope: {kinds: [users]}",
            "scope.kinds[0]: there is no kind 'users'; did you mean 'user'?",
        ),
        ("prune_kinds: ['us*']", "prune_kinds[0]: 'us*' is not a kind, as in 'queue' or 'user'"),
        ("source: {git: 'git@h:r', branch: ''}", "source.branch: is empty"),
    ],
)
def test_in_a_cluster(line: str, expected: str) -> None:
    assert cluster_errors(line) == [expected]


def test_no_message_repeats_a_secret() -> None:
    text = """
    source: {git: "https://u:hunter2@h/r", token: hunter2}
    secrets: {a: hunter2, b: [hunter2], c: {env: {x: hunter2}, for: ["user:c"]}}
    clusters:
      a:
        endpoints: "https://u:hunter2@h"
        password: [hunter2]
        amqp: [amqp://u:hunter2@h, "http://u:hunter2@h", 'amqp://u:hunter2@h:99999']
        layers: [x]
        owner: https://u:hunter2@h
        mode: https://u:hunter2@h
    daemon: {history: "mysql://u:hunter2@h/db", tokens: {x: hunter2}, webhooks: {github: hunter2}}
    notify: [{url: "slack://hunter2"}]
    """

    found = errors(text)

    assert len(found) == 16
    assert "hunter2" not in "\n".join(found)
