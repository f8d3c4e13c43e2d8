"""What holds for each kind, by its example: a new kind is tested by its line in `KINDS`."""

from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import OPTIONAL, UNSET, Secrecy
from rmqsync.kinds.secrecy import SENSITIVE, plain_secrets, redact
from rmqsync.kinds.settling import optional_names
from rmqsync.model.values import JsonValue, Row, same
from tests.kinds.cluster import row_of

pytestmark = pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.name)

_ANYWHERE = Context()
_IN_KEY = {"destination_type", "routing_key", "arguments"}
"""Parts of the identity of bindings that a path has in another form."""
_NOT_TOGETHER = {
    "user": {"password"},  # excludes password_hash
    "vhost": {"metadata"},  # says the same as the fields beside it
    "shovel": {
        "value",
        "src-exchange",
        "src-exchange-key",
        "src-address",
        "prefetch-count",
        "delete-after",
        "src-delete-after-duration",
        "src-consumer-args",
        "src-consumer-name",
        "src-predeclared",
        "dest-queue",
        "dest-queue-args",
        "dest-address",
        "add-forward-headers",
        "dest-add-timestamp-header",
        "add-timestamp-header",
        "publish-properties",
        "dest-properties",
        "dest-application-properties",
        "dest-message-annotations",
        "dest-predeclared",
        "internal",
        "internal_owner",
    },
    "federation_upstream": {"value"},
}
"""Fields that an example cannot, or should not, show together with the others."""


def _row(kind: Kind) -> Row:
    return row_of(kind, deepcopy(dict(kind.example)))


def test_the_example_leaves_no_field_out(kind: Kind) -> None:
    names = {field.name for field in (*kind.identity, *kind.fields)}
    if kind.in_vhost:
        names.add("vhost")

    assert kind.example.keys() == names - _NOT_TOGETHER.get(kind.name, set())


def test_the_example_fits_the_schema_of_each_field(kind: Kind) -> None:
    for field in (*kind.identity, *kind.fields):
        Draft202012Validator.check_schema(field.schema)
        value = kind.example.get(field.name)
        is_reference = isinstance(value, dict) and value.keys() == {"secret"}
        if value is None or (is_reference and field.secret is not Secrecy.NONE):
            continue
        Draft202012Validator(field.schema).validate(value)


def test_every_field_is_described(kind: Kind) -> None:
    for field in (*kind.identity, *kind.fields):
        assert field.schema.get("description"), field.name


def test_the_example_is_sound(kind: Kind) -> None:
    row = _row(kind)

    assert not kind.missing(kind.example)
    assert list(kind.check(row, _ANYWHERE)) == []
    assert list(kind.creation_problems(row, _ANYWHERE)) == []
    assert list(plain_secrets(kind, dict(kind.example))) == []
    assert not kind.broker_owned(row)
    assert not kind.is_nothing(row)
    assert not kind.goes_by_itself(row)


def test_a_row_is_its_own_entry(kind: Kind) -> None:
    row = _row(kind)

    assert row_of(kind, deepcopy(row)) == row


def test_a_missing_default_is_filled_in(kind: Kind) -> None:
    entry = {n: v for n, v in kind.example.items() if n in _needed(kind)}

    row = row_of(kind, entry) if entry.keys() - _identity(kind) or not kind.fields else {}

    for field in kind.fields if row else ():
        if field.default in (OPTIONAL, UNSET):
            assert field.name not in row
        elif field.name not in entry:
            assert row[field.name] == field.default


def _identity(kind: Kind) -> set[str]:
    return {field.name for field in kind.identity} | ({"vhost"} if kind.in_vhost else set())


def _needed(kind: Kind) -> set[str]:
    names = set(kind.missing({}))
    return names | ({"vhost"} if kind.in_vhost else set())


def test_the_export_shape_and_the_row_are_inverses(kind: Kind) -> None:
    row = _row(kind)
    document: dict[str, Any] = {"users": [{"name": row.get("user", "?"), "tags": []}]}
    kind.embed(document, deepcopy(row))

    if kind.export_section:
        (*_, item) = document[kind.export_section]
        if kind.component:
            assert item.pop("component") == kind.component
            assert item.keys() == {"vhost", "name", "value"}
    else:
        (owner,) = [k for k in KINDS for nested in k.nested if nested.kind == kind.name]
        (holder,) = document[owner.section or ""]
        (nested,) = [one for one in owner.nested if one.kind == kind.name]
        item = {**holder[nested.field], **nested.inherit(holder)}

    assert row_of(kind, item) == row


def test_calls_address_the_object(kind: Kind) -> None:
    row = _row(kind)
    names = {"vhost"} & row.keys() | {one.name for one in kind.identity if one.name not in _IN_KEY}
    named = {row[name] for name in names if isinstance(row[name], str)}
    calls = (*kind.declare(None, row, _ANYWHERE), *kind.remove(row, ("~",)))

    for request in calls:
        assert named <= {*request.path, *_texts(request.body)}
    assert {request.method for request in kind.remove(row, ("~",))} == {"DELETE"}


def _texts(value: JsonValue) -> set[str]:
    return {text for text in value.values() if isinstance(text, str)} if _is_map(value) else set()


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def test_an_equal_row_settles_to_the_live_one(kind: Kind) -> None:
    desired, live = _row(kind), _row(kind)

    assert same(kind.settle(desired, live, _ANYWHERE), live)


def test_what_is_optional_keeps_its_live_value(kind: Kind) -> None:
    live = _row(kind)
    names = optional_names(kind.fields)
    desired = {name: value for name, value in live.items() if name not in names}

    assert kind.settle(desired, live, _ANYWHERE) == live


def test_what_is_unset_does_not(kind: Kind) -> None:
    live = _row(kind)
    for field in kind.fields:
        if field.default is not UNSET or field.name not in live:
            continue
        desired = {name: value for name, value in live.items() if name != field.name}

        settled = kind.settle(desired, live, _ANYWHERE)

        assert field.name not in settled or settled == live


def test_a_changed_field_is_a_change(kind: Kind) -> None:
    live = _row(kind)
    for field in kind.fields:
        if field.name not in live or field.name == "hashing_algorithm":
            continue
        other = {**live, field.name: _another(live[field.name])}

        assert not same(kind.settle(other, live, _ANYWHERE), live), field.name


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, dict):
        return {**value, "another": 1} if "secret" not in value else "amqp://another"
    return [*value, "another"]


def test_nothing_touches_the_row_it_is_given(kind: Kind) -> None:
    row, live = _row(kind), {**_row(kind), "own": 1}
    before = deepcopy((row, live))

    kind.settle(row, live, _ANYWHERE)
    list(kind.check(row, _ANYWHERE))
    kind.declare(live, row, _ANYWHERE)
    kind.remove(live, ())
    kind.to_export(row)
    list(kind.references(row))

    assert (row, live) == before


def test_what_it_names_is_made_before_it(kind: Kind) -> None:
    for reference in kind.references(_row(kind)):
        assert reference.kind in KINDS
        if reference.strict:
            assert KINDS[reference.kind].rank < kind.rank


def test_what_it_takes_down_is_removed_before_it(kind: Kind) -> None:
    for name in kind.takes_down:
        assert KINDS[name].rank > kind.rank
    assert kind.parts <= kind.takes_down
    assert kind.spares(_ANYWHERE) <= kind.takes_down


def test_what_is_nested_gets_what_its_key_needs(kind: Kind) -> None:
    for nested in kind.nested:
        child = KINDS[nested.kind]
        given = nested.inherit(dict(kind.example))

        assert given
        assert given.keys() <= {field.name for field in child.identity} | {"vhost"}


def test_its_words_name_the_object(kind: Kind) -> None:
    row = _row(kind)

    address, sentence = kind.address(row), kind.sentence(kind.key(row))

    assert address.startswith(f"{kind.name}:")
    assert all(f"'{part}'" in sentence for part in kind.key(row)[:1])


def test_what_is_secret_is_not_shown(kind: Kind) -> None:
    for field in kind.fields:
        if field.secret is Secrecy.VALUE:
            assert redact(kind, (field.name,), "hush") == SENSITIVE
        if field.secret is not Secrecy.NONE:
            assert redact(kind, (field.name,), "amqp://me:hush@host") == SENSITIVE
            assert redact(kind, (field.name,), {"secret": "name"}) == SENSITIVE
            shown = redact(kind, (field.name,), [{"deep": "amqp://me:hush@host"}])
            assert "hush" not in str(shown)
