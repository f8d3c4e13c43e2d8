"""The broker's reasons as one readable line without secrets."""

import json

import pytest

from rmqsync.broker.wording import HIDDEN, plain, reason_in, say, secrets_of


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("plain words", "plain words"),
        ("Validation failed\n\n    src-uri\n", "Validation failed src-uri"),
        (["not_base64", "xyz!!"], "not_base64, xyz!!"),
        ([110, 111, 116, 32, 97, 108, 108, 111, 119, 101, 100], "not allowed"),
        ('&lt;&lt;"no \\"x\\"\\nhere"&gt;&gt; &amp; more', 'no "x" here & more'),
        ("{badmatch,<<104,117,110,116,101,114>>}", '{badmatch,"hunter"}'),
        ("{error,[104,117,110,116,\n   101,114]}", '{error,"hunter"}'),
        ("<<229,144,141,229,173,151>>", '"名字"'),
        ("sizes [1,2,3,4,5]", "sizes [1,2,3,4,5]"),
        ({"name": "q"}, '{"name": "q"}'),
        (12, "12"),
    ],
)
def test_a_reason_of_any_shape_is_one_line(reason: object, text: str) -> None:
    assert plain(reason) == text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error":"bad_request","reason":"no"}', "no"),
        (b'{"error":"bad_request"}', "bad_request"),
        (b'{"status":"failed"}', None),
        (b"<html>", None),
        (b"[]", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_only_the_brokers_own_errors_have_a_reason(body: bytes, reason: str | None) -> None:
    assert reason_in(body) == reason


@pytest.mark.parametrize(
    "uri",
    ["amqp://user:pw-123@host/v", "amqps://:pw-123@host", "https://a%40b:pw-123@h", "x://pw-123@h"],
)
def test_credentials_in_uris_are_hidden_wherever_they_stand(uri: str) -> None:
    assert "pw-123" not in say(f'["{uri}",{uri}] <{uri}>')
    assert say("see https://www.rabbitmq.com/docs") == "see https://www.rabbitmq.com/docs"


@pytest.mark.parametrize("secret", ['pa"ss\\word', "p ss&word", "пароль-1", "ab", "with\nbreak"])
def test_a_secret_is_hidden_in_every_form(secret: str) -> None:
    body = json.dumps({"error": "bad_request", "reason": f"'{secret}' is no good"}).encode()
    raw = reason_in(body)
    escaped = plain(f'<<"{json.dumps(secret, ensure_ascii=False)[1:-1]}">>')

    assert raw is not None
    assert say(raw, [secret]) == f"'{HIDDEN}' is no good"
    assert say(escaped, [secret]) == HIDDEN


def test_a_short_secret_does_not_garble_the_words_around() -> None:
    assert say("a bad value: ad", ["ad", "a"]) == f"{HIDDEN} bad value: {HIDDEN}"


def test_a_long_reason_is_cut_after_secrets_are_hidden() -> None:
    text = say("x" * 250 + "hunter2-and-more", ["hunter2-and-more"])

    assert len(text) == 256
    assert text == "x" * 250 + "(sens…"


def test_secrets_of_a_body_are_found_at_any_depth() -> None:
    body = {
        "users": [{"name": "crm", "password": "one", "password_hash": "two"}],
        "parameters": [{"value": {"uri": ["amqp://u:three@h", "amqp://h"], "note": "four"}}],
    }

    assert set(secrets_of(body)) == {"one", "two", "u:three", "three"}
