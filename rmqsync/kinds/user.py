"""
Users: tags, and the password as itself, as a salted hash, or not at all.

The broker stores a salted hash; every PUT with a password makes another one, so a declared password
is checked against the live hash and only sent where it is not the one. A PUT without either clears
the password (rabbit_mgmt_wm_user.erl), and one with a hash but without an algorithm records the
node's default, so the live hash goes along with every update of something else. A hash by a custom
algorithm cannot be checked: such a password is taken for unchanged, never written blindly.

Deleting a user closes its connections at once, with 320 CONNECTION_FORCED; what lives as long as
these goes with them. Seen on 3.10.8, 4.0.5 and 4.3.6, with messages in an exclusive queue. Whose an
exclusive queue is no listing tells: it takes two requests for each, so that a plan does not count
them.

No password at all is `password_hash: ""`; up to 4.2.7 and 4.3.1 the broker may hold a salted hash
of "" instead, which no login accepts either.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Entry, Kind, Nested, Problem
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context, UnsetSecret
from rmqsync.kinds.fields import OPTIONAL, Field, Secrecy
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.passwords import ALGORITHMS, SHA256, is_base64, is_hash, is_password
from rmqsync.kinds.values import mangled, unmangled
from rmqsync.kinds.vhost import split_tags
from rmqsync.model.changes import Loss
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row, same

PASSWORD, HASH, ALGORITHM = "password", "password_hash", "hashing_algorithm"
_MAX_TAGS = 32
_UPON_REMOVAL = (
    "deleting a user closes its connections, and with them go their exclusive queues, and "
    "auto-delete queues that only they consumed from, with all the messages in these"
)
_LOCKED = "protected"
"""A user with this tag cannot be changed or deleted over HTTP, 4.2 and up."""


def _shape(entry: Entry) -> Entry:
    if "tags" in entry:
        entry["tags"] = split_tags(entry["tags"])
    return entry


def _finish(row: Row) -> Row:
    for name in (PASSWORD, HASH, ALGORITHM):
        if name in row and row[name] is None:
            del row[name]
    if HASH in row:
        row.setdefault(ALGORITHM, SHA256)
    elif ALGORITHM in row:
        del row[ALGORITHM]  # says nothing by itself
    return row


def _settle(desired: Row, live: Row, context: Context) -> Row:
    if _means_live_password(desired, live, context):
        kept = {name: live[name] for name in (HASH, ALGORITHM) if name in live}
        rest = {n: v for n, v in desired.items() if n not in (PASSWORD, HASH, ALGORITHM)}
        desired = {**rest, **kept}
    if same(desired, live):
        return live
    is_same = mangled(desired["tags"]) == live["tags"]
    return live if is_same and same({**desired, "tags": live["tags"]}, live) else desired


def _means_live_password(desired: Row, live: Row, context: Context) -> bool:
    try:
        password = context.resolve(desired.get(PASSWORD))
        wanted = context.resolve(desired.get(HASH))
    except UnsetSecret:
        return True
    has, algorithm = live.get(HASH, ""), live.get(ALGORITHM, SHA256)
    if password is not None:
        return is_password(password, has, algorithm) is not False
    if wanted is None:
        return True
    if wanted == "":
        return has == "" or is_password("", has, algorithm) is True
    return bool(wanted == has and desired.get(ALGORITHM) == algorithm)


def _path(row: Row) -> tuple[str, ...]:
    return ("users", row["name"])


def _body(row: Row) -> Row:
    body: Row = {"tags": row["tags"]}
    if PASSWORD in row:
        body[PASSWORD] = row[PASSWORD]
    elif HASH in row:
        body[HASH] = row[HASH]
        body[ALGORITHM] = row[ALGORITHM]
    return body


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from long_name_problems(row["name"], "name")
    if PASSWORD in row and HASH in row:
        yield Problem(
            "RMQ066", (PASSWORD,), "password and password_hash exclude each other", "keep one"
        )
    if row.get(PASSWORD) == "":
        yield Problem(
            "RMQ067",
            (PASSWORD,),
            "the password is empty",
            'for a user without a password say password_hash: ""',
        )
    yield from _hash_problems(row)
    if len(row["tags"]) > _MAX_TAGS and not context.before(4, 2, 7):
        yield Problem("RMQ069", ("tags",), f"{len(row['tags'])} tags, the broker takes {_MAX_TAGS}")
    if _LOCKED in row["tags"] and not context.before(4, 2):
        yield Problem(
            "RMQ069",
            ("tags",),
            f"a user with the tag '{_LOCKED}' cannot be changed or deleted over the API",
            "its later changes have to be made with rabbitmqctl",
            Severity.WARNING,
        )


def _hash_problems(row: Row) -> Iterable[Problem]:
    algorithm = row.get(ALGORITHM)
    if algorithm is None:
        return
    if algorithm not in ALGORITHMS:
        yield Problem(
            "RMQ068",
            (ALGORITHM,),
            f"RabbitMQ has no hashing algorithm '{algorithm}' of its own",
            f"one of {', '.join(ALGORITHMS)}, unless a plugin brings it",
            Severity.WARNING,
        )
    text = row.get(HASH)
    if not isinstance(text, str) or text == "":
        return
    if not is_base64(text):
        yield Problem(
            "RMQ068",
            (HASH,),
            "the password hash is not base64: the broker refuses it",
            "rmqsync hash-password makes one",
        )
    elif is_hash(text, algorithm) is False:
        yield Problem(
            "RMQ068",
            (HASH,),
            f"the password hash is none of {algorithm}: nobody can log in with it",
            "check hashing_algorithm; rmqsync hash-password makes a hash",
            Severity.WARNING,
        )


def _creation_problems(row: Row, context: Context) -> Iterable[Problem]:
    del context
    if PASSWORD not in row and HASH not in row:
        yield Problem(
            "RMQ060",
            ("name",),
            f"user '{row['name']}' is not there yet and has neither password nor password_hash",
            'give one; a user without a password is password_hash: ""',
        )


def _update_problems(live: Row, desired: Row, context: Context) -> Iterable[Problem]:
    del desired
    if _LOCKED in live["tags"] and not context.before(4, 2):
        yield Problem(
            "RMQ069",
            (),
            f"the user has the tag '{_LOCKED}': the broker does not change it over the API",
            "change it with rabbitmqctl",
        )


def _never_pruned(row: Row) -> bool:
    return _LOCKED in row["tags"]


def _to_export(row: Row) -> Row:
    return {"name": row["name"], **_body(row)}


def _tidy(entry: Entry, row: Row, context: Context) -> Entry:
    del row, context
    if entry.get("tags"):
        entry["tags"] = unmangled(entry["tags"])
    if entry.get(ALGORITHM) == SHA256:
        del entry[ALGORITHM]
    return entry


def _inherit(entry: Entry) -> Entry:
    return {"user": entry["name"]}


USER = Kind(
    name="user",
    label="user",
    section="users",
    rank=20,
    in_vhost=False,
    identity=(Field("name", {"type": "string", "description": "Name of the user."}),),
    fields=(
        Field(
            "tags",
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "string"}},
                    {"type": "string"},
                ],
                "description": "management, policymaker, monitoring, administrator, or words of "
                "your own: a list, or one string with commas. None when left out.",
            },
            default=[],
        ),
        Field(
            PASSWORD,
            {"type": "string", "description": "{secret: NAME}. Excludes password_hash."},
            default=OPTIONAL,
            secret=Secrecy.VALUE,
        ),
        Field(
            HASH,
            {
                "type": "string",
                "description": 'As the broker exports it; "" is a user without a password. '
                "Neither this nor password: the password stays as it is.",
            },
            default=OPTIONAL,
            secret=Secrecy.VALUE,
            may_be_plain=True,
        ),
        Field(
            ALGORITHM,
            {
                "type": "string",
                "description": f"How password_hash was made; {SHA256} when left out.",
                "examples": list(ALGORITHMS),
            },
            default=OPTIONAL,
            of_secret=True,
        ),
    ),
    key=lambda entry: (entry["name"],),
    shape=_shape,
    nested=(
        Nested("limits", "user_limit", _inherit, many=False),
        Nested("permissions", "permission", _inherit),
        Nested("topic_permissions", "topic_permission", _inherit),
    ),
    finish=_finish,
    settle=_settle,
    check=_check,
    creation_problems=_creation_problems,
    update_problems=_update_problems,
    never_pruned=_never_pruned,
    spared_by_prune_all=True,
    loss=Loss.ACCESS,
    update_loss=Loss.ACCESS,
    takes_down=frozenset({"permission", "topic_permission", "user_limit"}),
    parts=frozenset({"permission", "topic_permission", "user_limit"}),
    upon_removal=_UPON_REMOVAL,
    declare=declare_at(_path, _body),
    remove=remove_at(_path),
    to_export=_to_export,
    example={
        "name": "billing",
        "tags": ["monitoring"],
        "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
        "hashing_algorithm": SHA256,
    },
    tidy=_tidy,
)
