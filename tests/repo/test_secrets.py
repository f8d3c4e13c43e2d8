"""Where secrets come from, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmqsync.config.secrets import SecretRef, SecretSource
from rmqsync.model.errors import SourceError
from rmqsync.repo.secrets import SecretStore


def store(tmp_path: Path, environ: dict[str, str] | None = None, **refs: SecretRef) -> SecretStore:
    sources = {
        name: SecretSource(env=ref.env, file=ref.file, patterns=("user:x",))
        for name, ref in refs.items()
    }
    return SecretStore(sources, environ or {}, str(tmp_path))


def test_a_secret_comes_from_the_environment_as_it_is(tmp_path: Path) -> None:
    secrets = store(tmp_path, {"A": " pä\n"}, a=SecretRef(env="A"))

    assert secrets.value("a") == " pä\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"secret", "secret"),
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\n\n", "secret\n"),
        (b" se\ncret ", " se\ncret "),
        (b"secret\r", "secret\r"),
        (b"\n", None),
        (b"", None),
    ],
)
def test_of_a_file_one_trailing_newline_is_cut(
    tmp_path: Path, content: bytes, expected: str | None
) -> None:
    (tmp_path / "a").write_bytes(content)

    assert store(tmp_path, a=SecretRef(file="a")).value("a") == expected


def test_a_secret_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    secrets = store(tmp_path, a=SecretRef(file=str(file)))
    first = secrets.value("a")
    file.write_text("two")

    assert (first, secrets.value("a")) == ("one", "one")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unset", "secret 'unset': environment variable UNSET is not set"),
        ("empty", "secret 'empty': environment variable EMPTY is empty"),
        ("gone", "secret 'gone': file 'gone' does not exist"),
        ("hollow", "secret 'hollow': file 'hollow' is empty"),
        ("other", "secret 'other' is not in the settings"),
    ],
)
def test_what_is_not_there_is_none_with_a_reason(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / "hollow").write_text("\n")
    secrets = store(
        tmp_path,
        {"EMPTY": ""},
        unset=SecretRef(env="UNSET"),
        empty=SecretRef(env="EMPTY"),
        gone=SecretRef(file="gone"),
        hollow=SecretRef(file="hollow"),
    )

    assert secrets.value(name) is None
    assert secrets.missing(name) == expected


def test_a_secret_is_known_for_the_addresses_it_is_for(tmp_path: Path) -> None:
    secrets = store(tmp_path, a=SecretRef(env="A"))

    assert (secrets.known("a"), secrets.known("b")) == (True, False)
    assert (secrets.patterns("a"), secrets.patterns("b")) == (("user:x",), ())
    assert secrets.allowed("a", "user:x")
    assert not secrets.allowed("a", "user:y")
    assert not secrets.allowed("b", "user:x")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.mkdir(), "cannot be read: is a directory"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8 text"),
        (lambda path: path.write_bytes(b"x" * 1_000_001), "is longer than 1000000 bytes"),
    ],
    ids=["folder", "bytes", "long"],
)
def test_a_file_that_cannot_be_used_is_an_error(
    tmp_path: Path, make: object, expected: str
) -> None:
    make(tmp_path / "a")  # type: ignore[operator]

    with pytest.raises(SourceError) as caught:
        store(tmp_path, a=SecretRef(file="a")).value("a")

    assert str(caught.value) == f"secret 'a': file '{tmp_path}/a' {expected}"


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (SecretRef(env="UNSET"), "cluster 'x': password: environment variable UNSET is not set"),
        (SecretRef(env="EMPTY"), "cluster 'x': password: environment variable EMPTY is empty"),
        (SecretRef(file="/gone"), "cluster 'x': password: file '/gone' does not exist"),
    ],
)
def test_a_reference_of_the_settings_must_have_a_value(
    tmp_path: Path, ref: SecretRef, expected: str
) -> None:
    with pytest.raises(SourceError) as caught:
        store(tmp_path, {"EMPTY": ""}).read_ref(ref, "cluster 'x': password")

    assert str(caught.value) == expected


def test_a_reference_of_the_settings_is_read(tmp_path: Path) -> None:
    assert store(tmp_path, {"A": "secret"}).read_ref(SecretRef(env="A"), "x") == "secret"
