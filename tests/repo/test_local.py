"""Files of our own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rmqsync.model.errors import SourceError
from rmqsync.repo.local import data_folder, make_private_folder, read_bytes, write_atomic


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def test_a_file_is_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomic(str(tmp_path / "a"), b"one")
    write_atomic(str(tmp_path / "a"), b"two")

    assert (tmp_path / "a").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a"]


def test_rights_are_private_or_as_they_were_or_as_usual(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        (tmp_path / "kept").touch()
        (tmp_path / "kept").chmod(0o755)
        (tmp_path / "closed").touch(0o644)
        write_atomic(str(tmp_path / "kept"), b"x")
        write_atomic(str(tmp_path / "new"), b"x")
        write_atomic(str(tmp_path / "secret"), b"x", private=True)
        write_atomic(str(tmp_path / "closed"), b"x", private=True)
    finally:
        os.umask(before)

    names = ("kept", "new", "secret", "closed")
    assert [mode(tmp_path / name) for name in names] == ["0o755", "0o640", "0o600", "0o600"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")

    write_atomic(str(tmp_path / "link"), b"x")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"x"


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(SourceError) as caught:
        write_atomic(str(tmp_path / "folder"), b"x")
    with pytest.raises(SourceError) as gone:
        write_atomic(str(tmp_path / "gone" / "x"), b"x")

    assert str(caught.value) == f"'{tmp_path}/folder' cannot be written: is a directory"
    assert str(gone.value) == f"'{tmp_path}/gone/x' cannot be written: no such file or directory"
    assert os.listdir(tmp_path) == ["folder"]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")

    with pytest.raises(SourceError) as caught:
        read_bytes(str(tmp_path / "b"))

    assert read_bytes(str(tmp_path / "a")) == b"x"
    assert str(caught.value) == f"'{tmp_path}/b' cannot be read: no such file or directory"


def test_a_private_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    path = make_private_folder(str(tmp_path / "a" / "b"))

    assert mode(Path(path)) == "0o700"
    assert make_private_folder(path) == path


def test_a_file_in_the_place_of_a_private_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    with pytest.raises(SourceError) as caught:
        make_private_folder(str(tmp_path / "a"))

    assert str(caught.value) == (
        f"folder '{tmp_path}/a' cannot be made: it is a file; choose another with --data-dir"
    )


@pytest.mark.parametrize(
    ("chosen", "environ", "expected"),
    [
        ("/data", {"XDG_STATE_HOME": "/state", "HOME": "/home/u"}, "/data"),
        (None, {"XDG_STATE_HOME": "/state", "HOME": "/home/u"}, "/state/rmqsync"),
        (None, {"HOME": "/home/u"}, "/home/u/.local/state/rmqsync"),
        (None, {"XDG_STATE_HOME": "rel", "HOME": "/home/u"}, "/home/u/.local/state/rmqsync"),
        (None, {"XDG_STATE_HOME": "", "HOME": "/home/u"}, "/home/u/.local/state/rmqsync"),
    ],
)
def test_the_data_folder(chosen: str | None, environ: dict[str, str], expected: str) -> None:
    assert data_folder(chosen, environ) == expected


def test_without_a_home_the_data_folder_must_be_chosen() -> None:
    with pytest.raises(SourceError) as caught:
        data_folder(None, {})

    assert str(caught.value) == "there is no home folder for the data of rmqsync; set --data-dir"


def test_the_data_folder_is_never_among_the_definitions(tmp_path: Path) -> None:
    (tmp_path / "defs").mkdir()
    (tmp_path / "link").symlink_to("defs")
    place = str(tmp_path / "defs")

    with pytest.raises(SourceError) as caught:
        data_folder(str(tmp_path / "link" / "x"), {}, [place])

    assert str(caught.value) == (
        f"data folder '{tmp_path}/link/x' is inside the definitions in '{place}', where backups "
        "could be committed; choose another with --data-dir"
    )
    assert data_folder(str(tmp_path / "defs2"), {}, [place]) == f"{tmp_path}/defs2"
