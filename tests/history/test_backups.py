"""Exports from before a run: private, safe on disk, the last so many of each cluster."""

import os
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.history.backups import Backups
from rmqsync.model.errors import SourceError
from rmqsync.repo.local import make_private_folder, write_atomic


def backups(folder: Path, keep: int = 3) -> Backups:
    def write(path: str, content: bytes) -> None:
        write_atomic(path, content, private=True)

    return Backups(str(folder), keep, write, make_private_folder)


def name(second: int, suffix: str = ".json") -> str:
    """A backup of long ago."""
    return f"20200101T000000.0{second:02}Z-{uuid.uuid4()}{suffix}"


def test_an_export_is_kept_byte_for_byte_and_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = Path(backups(tmp_path / "kept").keep("one", str(uuid.uuid4()), b'{"a": "\xff"}'))
    finally:
        os.umask(before)

    assert path.read_bytes() == b'{"a": "\xff"}'
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent == tmp_path / "kept" / "one"
    for folder in (path.parent, path.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


@given(there=st.integers(0, 6), keep=st.integers(0, 5))
def test_the_oldest_go_and_the_new_one_stays(
    tmp_path_factory: pytest.TempPathFactory, there: int, keep: int
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    (folder / "one").mkdir()
    old = [folder / "one" / name(second) for second in range(there)]
    for path in old:
        path.write_text("old")

    new = Path(backups(folder, keep).keep("one", str(uuid.uuid4()), b"new"))

    kept = max(1, keep) - 1
    assert set((folder / "one").iterdir()) == {*(old[-kept:] if kept else []), new}


def test_what_others_put_there_is_never_removed(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (tmp_path / "two").mkdir()
    strange = [
        folder / name(1, ".json.gz"),
        folder / f"before-{name(2)}",
        folder / "20200101T000003Z.json",
        folder / f"my-{uuid.uuid4()}.json",
        tmp_path / "two" / name(4),
    ]
    for path in strange:
        path.write_text("mine")
    (folder / name(5)).mkdir()
    link = folder / name(6)
    link.symlink_to(strange[0])
    old = folder / name(7)
    old.write_text("old")

    backups(tmp_path, 1).keep("one", str(uuid.uuid4()), b"new")

    assert all(path.exists() for path in strange)
    assert link.is_symlink()
    assert not old.exists()


def test_a_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    path = backups(tmp_path / "kept").keep("../../x", str(uuid.uuid4()), b"")

    assert Path(path).parent.parent == tmp_path / "kept"


@pytest.mark.parametrize("blocked", ["kept", "kept/one"])
def test_what_cannot_be_written_is_told(tmp_path: Path, blocked: str) -> None:
    place = tmp_path / blocked
    place.parent.mkdir(exist_ok=True)
    place.write_text("a file in the place of the folder")

    with pytest.raises(SourceError, match=f"folder '{place}' cannot be made"):
        backups(tmp_path / "kept").keep("one", str(uuid.uuid4()), b"")
