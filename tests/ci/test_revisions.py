"""`plan` without a broker: between two revisions, and against an export in a file."""

import json

from tests.cli.workspace import Workspace

BEFORE = {
    "vhost": "shop",
    "vhosts": [{"name": "shop"}],
    "exchanges": [{"name": "ex.order", "type": "topic"}],
    "queues": [
        {"name": "kept", "arguments": {"x-max-length": 1}},
        {"name": "replaced", "arguments": {"x-max-length": 1}, "on_change": "recreate"},
        {"name": "deleted"},
    ],
    "policies": [{"name": "ttl", "pattern": "^q", "definition": {"message-ttl": 1}}],
    "users": [{"name": "app", "password": {"secret": "app"}, "tags": ""}],
}
AFTER = {
    **BEFORE,
    "queues": [
        {"name": "kept", "arguments": {"x-max-length": 1}},
        {"name": "replaced", "arguments": {"x-max-length": 2}, "on_change": "recreate"},
        {"name": "created"},
    ],
    "policies": [{"name": "ttl", "pattern": "^q", "definition": {"message-ttl": 2}}],
}
UNREACHABLE = {
    "endpoints": ["http://127.0.0.1:9"],
    "username": "rmqsync",
    "password": {"env": "PASSWORD_THAT_IS_NOT_SET"},
    "allow_loss": "everything",
}


def two_revisions(workspace: Workspace) -> str:
    """Commit the definitions, change them, commit again, and return the first commit."""
    workspace.cluster("prod", **UNREACHABLE)
    workspace.secret("app", None, "user:app")
    workspace.define(BEFORE)
    before = workspace.commit()
    workspace.define(AFTER)
    workspace.commit()
    return before


EXPECTED = [
    ("create", "queue:shop/created"),
    ("delete", "queue:shop/deleted"),
    ("replace", "queue:shop/replaced"),
    ("update", "policy:shop/ttl"),
]


def test_two_revisions_are_compared_without_broker_and_secrets(workspace: Workspace) -> None:
    before = two_revisions(workspace)

    done = workspace.plan("--base", before)

    assert done.code == 0
    assert sorted(done.changes) == EXPECTED
    assert done.document["revision"]["dirty"] is False


def test_the_work_tree_does_not_count_where_both_revisions_are_named(workspace: Workspace) -> None:
    before = two_revisions(workspace)
    workspace.define({"vhosts": [{"name": "other"}]})

    done = workspace.plan("--base", before, "--revision", "HEAD")

    assert sorted(done.changes) == EXPECTED


def test_with_detailed_exitcode_changes_between_revisions_are_2(workspace: Workspace) -> None:
    before = two_revisions(workspace)

    assert workspace.plan("--base", before, "--detailed-exitcode").code == 2
    assert workspace.plan("--base", "HEAD", "--detailed-exitcode").code == 0


def test_a_layer_that_the_base_lacks_is_all_new(workspace: Workspace) -> None:
    workspace.cluster("prod", **UNREACHABLE)
    first = workspace.commit()
    workspace.define({"vhosts": [{"name": "shop"}]})
    workspace.commit()

    done = workspace.plan("--base", first)

    assert done.code == 0
    assert done.changes == [("create", "vhost:shop")]


def test_a_layer_that_the_head_lacks_is_an_error(workspace: Workspace) -> None:
    workspace.cluster("prod", **UNREACHABLE, layers=["bsae"])
    workspace.define({"vhosts": [{"name": "shop"}]})
    workspace.commit()

    done = workspace.plan("--base", "HEAD")

    assert done.code == 1
    assert "did you mean 'base'?" in done.err


def test_a_base_that_is_not_valid_is_named_as_the_one_to_blame(workspace: Workspace) -> None:
    workspace.cluster("prod", **UNREACHABLE)
    workspace.define({"vhosts": [{"nmae": "shop"}]})
    broken = workspace.commit()
    workspace.define({"vhosts": [{"name": "shop"}]})
    workspace.commit()

    done = workspace.plan("--base", broken)

    assert done.code == 1
    assert done.cluster["status"] == "error"
    assert done.cluster["error"].startswith(
        f"there is nothing to compare with: the definitions of revision {broken} are not valid: "
        "base/all.yaml:"
    )


def test_a_plan_against_an_export_in_a_file_needs_no_broker(workspace: Workspace) -> None:
    export = {
        "rabbitmq_version": "4.0.5",
        "vhosts": [{"name": "shop"}],
        "users": [],
        "permissions": [],
        "queues": [
            {"name": "old", "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}}
        ],
    }
    workspace.write("snapshots/dr.json", json.dumps(export))
    workspace.cluster(
        "dr", endpoints=["file:snapshots/dr.json"], prune="all", allow_loss="everything"
    )
    workspace.define({"vhosts": [{"name": "shop"}], "queues": [{"name": "new", "vhost": "shop"}]})

    done = workspace.plan()

    assert done.code == 0
    assert sorted(done.changes) == [("create", "queue:shop/new"), ("delete", "queue:shop/old")]
    assert done.cluster["rabbitmq_version"] == "4.0.5"
