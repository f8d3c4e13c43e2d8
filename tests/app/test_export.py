"""Where an export goes, and what it leaves behind when it cannot."""

import os
import stat

import pytest

from rmqsync.app.export import export, secrets_folder
from rmqsync.config.read import read_settings
from rmqsync.kinds import KINDS
from rmqsync.model.definitions import Live
from rmqsync.model.errors import Refused, SourceError, UsageError
from rmqsync.repo.export_writer import ExportWriter
from rmqsync.repo.local import read_bytes
from rmqsync.repo.secrets import SecretStore

HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def live(**users):
    found = {
        (name,): KINDS["user"].complete({"name": name, "tags": [], "password_hash": value})
        for name, value in users.items()
    }
    return Live({"vhost": {("/",): {"name": "/"}}, "user": found}, "4.0.5")


def tree_of(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_tree_and_its_secrets(tmp_path):
    done = export(live(guest=HASH), str(tmp_path / "defs"), ExportWriter())

    assert tree_of(tmp_path / "defs").keys() == {"users.yaml", "_default/vhost.yaml"}
    secrets = tree_of(tmp_path / "defs.secrets")
    assert secrets.keys() == {".gitignore", "secrets.yaml", "values/guest_password_hash"}
    assert secrets[".gitignore"] == "*\n"
    assert secrets["values/guest_password_hash"] == f"{HASH}\n"
    assert done.files == ("users.yaml", "_default/vhost.yaml")
    assert done.secrets == ("guest_password_hash",)
    assert done.secrets_file == str(tmp_path / "defs.secrets" / "secrets.yaml")
    assert done.counts == {"vhost": 1, "user": 1}
    assert sorted(os.listdir(tmp_path)) == ["defs", "defs.secrets"]


def test_only_the_owner_can_read_the_secrets(tmp_path):
    old = os.umask(0o022)
    try:
        export(live(guest=HASH), str(tmp_path / "defs"), ExportWriter())
    finally:
        os.umask(old)

    assert mode(tmp_path / "defs") == 0o755
    assert mode(tmp_path / "defs" / "users.yaml") == 0o644
    secrets = tmp_path / "defs.secrets"
    assert mode(secrets) == 0o700
    for path in secrets.rglob("*"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_settings_take_the_secrets_in(tmp_path):
    """By `include:`, each with its value and for its one user only."""
    hashes = {"guest": HASH, "Chinese 订单": HASH[::-1]}
    export(live(**hashes), str(tmp_path / "defs"), ExportWriter())
    (tmp_path / "rmqsync.yaml").write_text("include: [defs.secrets/secrets.yaml]\nclusters: {}\n")

    settings = read_settings(str(tmp_path / "rmqsync.yaml"), read_bytes, str(tmp_path))

    store = SecretStore(settings.secrets, environ={})
    found = {name: (store.value(name), store.patterns(name)) for name in settings.secrets}
    assert found == {
        "guest_password_hash": (HASH, ("user:guest",)),
        "chinese_password_hash": (HASH[::-1], ("user:Chinese%20%E8%AE%A2%E5%8D%95",)),
    }


def test_without_secrets_there_is_no_folder_for_them(tmp_path):
    done = export(live(), str(tmp_path / "defs"), ExportWriter())

    assert done.secrets_file is None
    assert os.listdir(tmp_path) == ["defs"]


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path):
    folder = tmp_path / "defs"
    folder.mkdir(mode=0o750)
    before = folder.stat()

    export(live(guest=HASH), str(folder), ExportWriter())

    assert sorted(os.listdir(folder)) == ["_default", "users.yaml"]
    assert (folder.stat().st_ino, mode(folder)) == (before.st_ino, 0o750)
    assert mode(folder / "_default") & 0o700 == 0o700


@pytest.mark.parametrize("name", ["defs", "defs.secrets"])
def test_a_folder_that_holds_anything_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")

    with pytest.raises(Refused, match=f"{name}' is not empty.*choose another with --dir"):
        export(live(guest=HASH), str(tmp_path / "defs"), ExportWriter())

    assert os.listdir(tmp_path) == [name]
    assert tree_of(tmp_path / name) == {"mine.txt": "mine"}


def test_old_secrets_are_not_kept_for_a_tree_that_has_none(tmp_path):
    """A folder of secrets beside the new tree would be taken for its own."""
    (tmp_path / "defs.secrets").mkdir()
    (tmp_path / "defs.secrets" / "secrets.yaml").write_text("secrets: {}")

    with pytest.raises(Refused):
        export(live(), str(tmp_path / "defs"), ExportWriter())


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "defs").write_text("mine")

    with pytest.raises(Refused, match="is a file"):
        export(live(), str(tmp_path / "defs"), ExportWriter())


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "defs").symlink_to(tmp_path / "gone")

    with pytest.raises(Refused, match="leads nowhere"):
        export(live(), str(tmp_path / "defs"), ExportWriter())


def test_nothing_is_left_behind_when_the_disk_says_no(tmp_path):
    """The tree comes after its secrets: they go again when it fails."""
    writer = ExportWriter()
    (tmp_path / "defs").mkdir()
    files = {"a.yaml": "a", "b.yaml": "b", "b.yaml/c.yaml": "no folder can be where a file is"}

    with pytest.raises(SourceError, match="defs' cannot be written"):
        writer.write(str(tmp_path / "defs"), files, str(tmp_path / "defs.secrets"), {"x": "y"})

    assert os.listdir(tmp_path) == ["defs"]
    assert os.listdir(tmp_path / "defs") == []


def test_folders_above_are_made(tmp_path):
    export(live(), str(tmp_path / "a" / "b" / "defs"), ExportWriter())

    assert (tmp_path / "a" / "b" / "defs" / "_default" / "vhost.yaml").is_file()


def test_nothing_to_export_is_said(tmp_path):
    with pytest.raises(UsageError, match="nothing to export"):
        export(Live({}, "4.0.5"), str(tmp_path / "defs"), ExportWriter())

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("directory", "folder"),
    [
        ("defs", "defs.secrets"),
        ("defs/", "defs.secrets"),
        ("/tmp/x/defs//", "/tmp/x/defs.secrets"),
        (".", "HERE.secrets"),
        ("..", "ABOVE.secrets"),
    ],
)
def test_where_secrets_go(tmp_path, monkeypatch, directory, folder):
    here = tmp_path / "above" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)

    expected = folder.replace("HERE", str(here)).replace("ABOVE", str(here.parent))
    assert secrets_folder(directory) == expected
