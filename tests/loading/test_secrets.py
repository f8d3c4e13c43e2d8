"""Secrets in definitions: by name, where one can be, for the objects that may have it."""

import pytest

from rmqsync.model.address import Pattern
from tests.loading.files import compiled, errors, warnings

SECRETS = {
    "joe": (Pattern("user:joe"), Pattern("user:j*")),
    "site_b": (Pattern("federation_upstream:*/*"),),
}
SHOP = "vhosts: [{name: shop}]\nvhost: shop\n"
UPSTREAM = SHOP + "federation_upstreams:\n  - {name: b, uri: %s}\n"
PLAIN = (
    "write {secret: NAME} and declare it in rmqsync.yaml, or allow it with --allow-plain-secrets"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "users:\n  - {name: joe, password: s3cret}",
            f"2:27: password of user 'joe' is a secret in plain text; {PLAIN}",
            id="password",
        ),
        pytest.param(
            UPSTREAM % "'amqp://a:b@host'",
            "4:20: uri of federation upstream 'b' in vhost 'shop' is a secret in plain text; "
            + PLAIN,
            id="URI",
        ),
        pytest.param(
            UPSTREAM % "['amqp://host', 'amqp://a:b@host']",
            "4:36: federation upstream 'b' in vhost 'shop' holds a secret in plain text; " + PLAIN,
            id="one of several URIs",
        ),
        pytest.param(
            SHOP + "parameters:\n"
            "  - {component: shovel, name: s, value: {src-uri: 'amqp://a:b@h', src-queue: q,"
            " dest-uri: 'amqp://'}}",
            "4:51: src-uri of shovel 's' in vhost 'shop' is a secret in plain text; " + PLAIN,
            id="raw form",
        ),
        pytest.param(
            "global_parameters:\n  - {name: x, value: {uri: ['amqp://a:b@host']}}",
            f"2:29: global parameter 'x' holds a secret in plain text; {PLAIN}",
            id="anywhere in a value",
        ),
        pytest.param(
            SHOP + "queues:\n  - {name: q, arguments: {x-note: 'amqp://a:b@host'}}",
            f"4:35: x-note of queue 'q' in vhost 'shop' is a secret in plain text; {PLAIN}",
            id="where no secret belongs at all",
        ),
    ],
)
def test_plain_secrets_are_errors(text, said):
    assert f"base/a.yaml:{said}" in errors(text, version=(4, 0, 5))
    assert not [one for one in warnings(text, allow_plain_secrets=True) if "plain" in one]


def test_a_plain_secret_is_one_in_whichever_layer_it_stands():
    found = errors(
        "users: [{name: joe, password: s3cret}]",
        "users: [{name: joe, password: {secret: joe}}]",
    )

    assert found == [f"base/a.yaml:1:31: password of user 'joe' is a secret in plain text; {PLAIN}"]


def test_a_variable_may_bring_the_password_in():
    text = SHOP + "policies: [{name: p, pattern: x, definition: {expires: 5, x: '${b}'}}]"

    found = errors(text, vars={"b": "amqp://a:b@host"})

    assert [line for line in found if "plain" in line] == [
        f"base/a.yaml:3:62: x of policy 'p' in vhost 'shop' is a secret in plain text; {PLAIN}"
    ]


def test_hashes_are_no_plain_secrets():
    text = "users: [{name: joe, password_hash: kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR}]"

    assert warnings(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "users:\n  - {name: joe, password: {secret: jo}}",
            "2:36: no secret is called 'jo'; did you mean 'joe'?",
            id="unknown",
        ),
        pytest.param(
            "users:\n  - {name: joe, password: {secret: zzz}}",
            "2:36: no secret is called 'zzz'; rmqsync.yaml declares joe, site_b; `include:` takes "
            "in the secrets.yaml that export wrote",
            id="unknown, nothing like it",
        ),
        pytest.param(
            "users:\n  - {name: ann, password: {secret: joe}}",
            "2:36: the secret 'joe' is not for user:ann; it is for user:joe, user:j*; "
            "rmqsync.yaml decides",
            id="not for this object",
        ),
        pytest.param(
            SHOP + "queues:\n  - {name: q, arguments: {x-note: {secret: joe}}}",
            "4:35: arguments.x-note of queue 'q' in vhost 'shop' cannot hold a secret; "
            "secrets are whole passwords, URIs and values of parameters",
            id="where none can be",
        ),
        pytest.param(
            "vhosts:\n  - {name: shop, description: {secret: joe}}",
            "2:31: 'description' must be a string or null, is a mapping",
            id="in place of a string",
        ),
    ],
)
def test_references_to_secrets_are_checked(text, said):
    assert f"base/a.yaml:{said}" in errors(text, secrets=SECRETS)


@pytest.mark.parametrize(
    "uri", ["{secret: site_b}", "[{secret: site_b}, 'amqp://host']"], ids=["one", "of several"]
)
def test_a_reference_stays_one_in_the_row(uri):
    found = compiled(UPSTREAM % uri, secrets=SECRETS)

    (row,) = found.rows["federation_upstream"].values()
    assert str({"secret": "site_b"}) in str(row["uri"])


def test_without_settings_nobody_knows_the_secrets():
    assert warnings("users: [{name: ann, password: {secret: nobody knows}}]") == []
