"""`run --check`: whether settings and the newest commit of each source can be used, or why not."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.daemon.daemons import TOKEN, Home, shop

HIDDEN = "pa55word-of-the-hook"


def test_a_broken_commit_is_named_with_each_error_and_what_to_do(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    home.config.write_text(yaml.safe_dump(home.settings))
    good = home.push(shop("qu.a"))
    name = f"{home.remote.as_uri()} (main)"
    fine = home.run("run", "--check")
    broken = home.push({"vhosts": [{"name": "shop", "tracin": True}]})

    as_text = home.run("run", "--check")
    as_json = home.run("run", "--check", "--format", "json")
    as_html = home.run("run", "--check", "--format", "html")

    assert (fine.returncode, fine.stdout) == (0, f"{name}: commit {good} can be used\n")
    assert as_text.returncode == 1
    first, second, *_ = as_text.stdout.splitlines()
    assert first == f"{name}: commit {broken} cannot be used"
    assert second.startswith("base/all.yaml:3:3: ")
    assert second.endswith("; did you mean 'tracing'?")
    assert as_json.returncode == 1
    (source,) = json.loads(as_json.stdout)["sources"]
    assert (source["name"], source["commit"], source["broken_commit"]) == (name, good, broken)
    assert source["findings"][0]["hint"]
    assert as_html.returncode == 64


def test_a_token_that_might_be_guessed_is_warned_of_and_taken(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    home.push(shop("qu.a"))
    home.settings["daemon"]["tokens"]["short"] = {"env": "SHORT_TOKEN"}
    home.environ["SHORT_TOKEN"] = "gu3ss"
    home.config.write_text(yaml.safe_dump(home.settings))

    done = home.run("run", "--check", "--log-format", "json")

    assert done.returncode == 0
    (told,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert told["level"] == "warning"
    assert told["message"].startswith("daemon.tokens.short has fewer than 16 characters")
    assert "gu3ss" not in done.stderr


def test_a_data_folder_that_cannot_be_made_is_bad_input_and_no_defect(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    home.push(shop("qu.a"))
    file = home.config.with_name("file")
    file.write_text("")
    home.settings["daemon"]["data_dir"] = f"{file}/data"
    home.config.write_text(yaml.safe_dump(home.settings))

    checked = home.run("run", "--check")
    run = home.run("run")

    for done in (checked, run):
        assert done.returncode == 1
        assert f"folder '{file}/data' cannot be made" in done.stderr
        assert "defect" not in done.stderr


def ends(home: Home) -> str:
    """Start the daemon, see that it does not run, and return what it said."""
    with pytest.raises(AssertionError, match=r"it ended: ") as found, home.running():
        pass
    return str(found.value).partition("it ended: ")[2]


@pytest.mark.parametrize("address", [f"gibberish://{HIDDEN}@example.com", f"json://:{HIDDEN}@"])
def test_an_address_that_apprise_does_not_know_is_refused(empty_home: Home, address: str) -> None:
    home = empty_home
    home.snapshot("one")
    home.push(shop("qu.a"))
    home.environ |= {"GOOD": f"json://ann:{HIDDEN}@127.0.0.1:9/x", "ALERT": address}
    home.settings["notify"] = [{"url": {"env": "GOOD"}}, {"url": {"env": "ALERT"}}]
    home.config.write_text(yaml.safe_dump(home.settings))

    checked = home.run("run", "--check")

    said = (
        f"error: {home.config}: notify[1].url: apprise knows no address such as the one in "
        "environment variable ALERT; its documentation says how those of each service are "
        "written\n"
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (1, "", said)
    assert ends(home) == said


def test_tokens_that_nobody_can_tell_apart_are_refused(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    home.push(shop("qu.a"))
    tokens = home.settings["daemon"]["tokens"]
    tokens["other"] = {"env": "OTHER_TOKEN"}
    tokens["reader"] = {"env": "OPS_TOKEN", "can": ["plan"]}
    home.environ["OTHER_TOKEN"] = f"not {TOKEN}"
    home.config.write_text(yaml.safe_dump(home.settings))

    checked = home.run("run", "--check")

    said = (
        f"error: {home.config}: daemon.tokens.ops and daemon.tokens.reader have the same value; "
        "give each one of its own\n"
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (1, "", said)
    assert ends(home) == said
