import base64
from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.passwords import hash_password, is_hash, is_password
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row
from tests.kinds.cluster import row_of
from tests.kinds.lives import HASH, MD5, MD5_HASH, SHA256, SHA512

USER = KINDS["user"]
CONTEXT = Context(secret={"right": "test12", "wrong": "another", "hash": HASH, "empty": ""}.get)
LIVE: Row = {"name": "u", "tags": ["a"], "password_hash": HASH, "hashing_algorithm": SHA256}


def _live(password_hash: str, algorithm: str = SHA256) -> Row:
    return {**LIVE, "password_hash": password_hash, "hashing_algorithm": algorithm}


@pytest.mark.parametrize(
    ("password", "hashed", "algorithm", "expected"),
    [
        pytest.param("test12", HASH, SHA256, True, id="sha256"),
        pytest.param("test13", HASH, SHA256, False, id="another password"),
        pytest.param("pässword", MD5_HASH, MD5, True, id="md5"),
        pytest.param(
            "pässword",
            "AQIDBE9skmuBchcwuhKDvVscFGTND++y2wcv/NL1rVA61/5C",
            SHA256,
            True,
            id="not ASCII",
        ),
        pytest.param("x", hash_password("x", b"salt", SHA512), SHA512, True, id="sha512"),
        pytest.param("test12", HASH, SHA512, False, id="the other algorithm"),
        pytest.param("test12", HASH, "my_hashing", None, id="an algorithm of somebody's own"),
        pytest.param("test12", "no base64!", SHA256, False, id="no base64"),
        pytest.param("", "", SHA256, False, id="no hash"),
    ],
)
def test_passwords_are_checked_offline(
    password: str, hashed: str, algorithm: str, expected: bool | None
) -> None:
    assert is_password(password, hashed, algorithm) is expected


@pytest.mark.parametrize(
    ("text", "algorithm", "expected"),
    [
        (HASH, SHA256, True),
        (HASH, MD5, False),
        ("plain", SHA256, False),
        (HASH, "my_hashing", None),
        (base64.b64encode(b"x" * 20).decode(), MD5, True),
    ],
)
def test_the_shape_of_a_hash(text: str, algorithm: str, expected: bool | None) -> None:
    assert is_hash(text, algorithm) is expected


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        pytest.param({}, {"tags": []}, id="no tags"),
        pytest.param({"tags": "b,a , b"}, {"tags": ["a", "b"]}, id="one string"),
        pytest.param({"tags": ""}, {"tags": []}, id="an empty string"),
        pytest.param({"tags": ["b", "a", "b"]}, {"tags": ["a", "b"]}, id="a list"),
        pytest.param(
            {"password_hash": HASH},
            {"tags": [], "password_hash": HASH, "hashing_algorithm": SHA256},
            id="a hash has an algorithm",
        ),
        pytest.param(
            {"hashing_algorithm": MD5}, {"tags": []}, id="an algorithm alone says nothing"
        ),
        pytest.param({"password_hash": None}, {"tags": []}, id="null is nothing"),
    ],
)
def test_normal_form(entry: dict[str, Any], row: Row) -> None:
    assert row_of(USER, {"name": "u", **entry}) == {"name": "u", **row}


_OWN = _live("whatever", "my_hashing")
_NONE = _live("")
_SALTED_NONE = _live(hash_password("", b"salt"))


@pytest.mark.parametrize(
    ("fields", "live"),
    [
        pytest.param({}, LIVE, id="neither given"),
        pytest.param({"password": {"secret": "right"}}, LIVE, id="the password it has"),
        pytest.param({"password": "test12"}, LIVE, id="in clear"),
        pytest.param({"password": {"secret": "unset"}}, LIVE, id="a secret that is not set"),
        pytest.param({"password": {"secret": "right"}}, _OWN, id="cannot be told"),
        pytest.param({"password_hash": HASH, "hashing_algorithm": SHA256}, LIVE, id="its hash"),
        pytest.param(
            {"password_hash": {"secret": "hash"}, "hashing_algorithm": SHA256}, LIVE, id="by secret"
        ),
        pytest.param({"password_hash": {"secret": "unset"}}, LIVE, id="a hash that is not set"),
        pytest.param({"password_hash": "", "hashing_algorithm": SHA256}, _NONE, id="none"),
        pytest.param({"password_hash": "", "hashing_algorithm": MD5}, _NONE, id="none, any way"),
        pytest.param({"password_hash": ""}, _SALTED_NONE, id="a salted hash of nothing"),
    ],
)
def test_these_are_the_live_password(fields: Row, live: Row) -> None:
    assert USER.settle({"name": "u", "tags": ["a"], **fields}, live, CONTEXT) is live


@pytest.mark.parametrize(
    ("fields", "live"),
    [
        pytest.param({"password": {"secret": "wrong"}}, LIVE, id="another password"),
        pytest.param({"password": {"secret": "right"}}, _NONE, id="it has none"),
        pytest.param({"password_hash": "", "hashing_algorithm": SHA256}, LIVE, id="it has one"),
        pytest.param(
            {"password_hash": MD5_HASH, "hashing_algorithm": MD5}, LIVE, id="another hash"
        ),
        pytest.param(
            {"password_hash": HASH, "hashing_algorithm": SHA512}, LIVE, id="another algorithm"
        ),
    ],
)
def test_these_are_not_and_stay_as_they_are_written(fields: Row, live: Row) -> None:
    desired = {"name": "u", "tags": ["a"], **fields}

    settled = USER.settle(desired, live, CONTEXT)

    assert settled == desired
    (request,) = USER.declare(live, settled, CONTEXT)
    assert request.body == {"tags": ["a"], **fields}


def test_an_update_of_tags_sends_the_live_hash() -> None:
    """The broker clears the password of a user that is put without one."""
    settled = USER.settle({"name": "u", "tags": [], "password": {"secret": "right"}}, LIVE, CONTEXT)

    (request,) = USER.declare(LIVE, settled, CONTEXT)

    assert request.body == {"tags": [], "password_hash": HASH, "hashing_algorithm": SHA256}


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        pytest.param({"password": "a", "password_hash": HASH}, ["RMQ066"], id="both"),
        pytest.param({"password": ""}, ["RMQ067"], id="empty password"),
        pytest.param(
            {"password_hash": "plain", "hashing_algorithm": SHA256}, ["RMQ068"], id="hash"
        ),
        pytest.param({"password_hash": "", "hashing_algorithm": SHA256}, [], id="none"),
        pytest.param({"password_hash": "AAAA", "hashing_algorithm": SHA256}, [], id="too short"),
        pytest.param({"password_hash": "AAAA", "hashing_algorithm": "my_hashing"}, [], id="own"),
        pytest.param({"tags": [str(n) for n in range(33)]}, ["RMQ069"], id="tags"),
    ],
)
def test_errors(fields: Row, errors: list[str]) -> None:
    row = {"name": "u", "tags": [], **fields}
    found = [p.code for p in USER.check(row, Context()) if p.severity is Severity.ERROR]

    assert found == errors


def test_a_new_user_needs_to_say_how_it_logs_in() -> None:
    none = {"name": "u", "tags": []}

    assert [p.code for p in USER.creation_problems(none, CONTEXT)] == ["RMQ060"]
    assert not list(USER.creation_problems({**none, "password": {"secret": "x"}}, CONTEXT))
    assert not list(USER.creation_problems({**none, "password_hash": ""}, CONTEXT))


def test_a_user_that_the_broker_locks_is_never_pruned() -> None:
    locked = {**LIVE, "tags": ["protected"]}

    assert USER.never_pruned(locked)
    assert [p.code for p in USER.update_problems(locked, LIVE, Context(version=(4, 2, 0)))]
    assert not list(USER.update_problems(locked, LIVE, Context(version=(4, 1, 0))))
