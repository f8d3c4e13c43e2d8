"""README and docs name only what is there."""

import json
import re

import click
import pytest

from rmqsync.cli.codes import Exit
from rmqsync.cli.main import main, run
from rmqsync.cli.options import FORMATS
from rmqsync.model.changes import HoldCode, Loss
from rmqsync.report.plan_schema import plan_schema
from tests.docs.pages import PAGES, READMES, ROOT, anchors, blocks, links, spans, table_with, tokens

VERBS = main.list_commands(click.Context(main))
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def flags_of(verb: str) -> set[str]:
    command = main.get_command(click.Context(main), verb)
    assert command is not None
    return {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}


FLAGS = {verb: flags_of(verb) for verb in VERBS}
OUTPUT = ("used", "will")
"""Words after which a line that starts with `rmqsync` is what it prints."""
ALL_FLAGS = {"--help", "--version"}.union(*FLAGS.values())


def commands(text: str) -> list[tuple[str, str]]:
    """The calls of rmqsync in a shell text: verb and the rest of the line."""
    start = r"^(?:\s*|.*/bin/|docker run .*)"
    found = re.findall(start + r"rmqsync ([a-z][a-z-]+)([^\n|>]*)", text, re.MULTILINE)
    return [one for one in found if one[0] not in OUTPUT]


@pytest.mark.parametrize("readme", READMES)
def test_the_table_of_verbs_is_that_of_the_program(readme):
    rows = table_with(readme, "`validate`")

    assert [row[0].strip("`") for row in rows] == VERBS


@pytest.mark.parametrize("readme", READMES)
def test_a_flag_in_the_table_of_verbs_is_one_of_that_verb(readme):
    rows = table_with(readme, "`validate`")

    unknown = [
        (verb, flag)
        for verb, text in ((row[0].strip("`"), row[1]) for row in rows)
        for flag in FLAG.findall(text)
        if flag not in FLAGS[verb]
    ]

    assert unknown == []


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_in_a_span_of_code_exists(page):
    unknown = [f for span in spans(tokens(page)) for f in FLAG.findall(span) if f not in ALL_FLAGS]

    assert unknown == []


@pytest.mark.parametrize("page", PAGES)
def test_every_call_has_a_verb_and_flags_that_exist(page):
    shown = [block.text for block in blocks(page) if block.language in ("", "sh", "text")]

    wrong = [
        (verb, rest)
        for text in (*spans(tokens(page)), *shown)
        for verb, rest in commands(text)
        if verb not in FLAGS or set(FLAG.findall(rest)) - FLAGS[verb] - {"--help"}
    ]

    assert wrong == []


@pytest.mark.parametrize("readme", READMES)
def test_the_exit_codes_are_those_of_the_program(readme):
    rows = table_with(readme, "0")

    listed = {int(code) for row in rows for code in row[0].split(",")}

    assert listed == {int(code) for code in Exit}


@pytest.mark.parametrize("readme", READMES)
def test_the_formats_are_those_of_the_program(readme):
    sentence = re.search(r"^`--format` ([^.。]+)", (ROOT / readme).read_text(), re.MULTILINE)

    assert sentence is not None
    assert tuple(re.findall(r"`([a-z]+)`", sentence[1])) == FORMATS


@pytest.mark.parametrize("readme", READMES)
def test_the_reasons_of_holds_are_those_of_the_program(readme):
    rows = table_with(readme, "`loss`")

    listed = {row[0].strip("`") for row in rows}

    assert listed <= {code.value for code in HoldCode}


@pytest.mark.parametrize("readme", READMES)
def test_the_losses_are_those_of_the_program(readme):
    assert f"`{' < '.join(loss.word for loss in Loss)}`" in (ROOT / readme).read_text()


def test_the_keys_of_a_change_are_those_of_the_schema():
    rows = table_with("docs/plan-json.md", "`action`")
    changes = plan_schema()["properties"]["clusters"]["items"]["properties"]["changes"]

    listed = [name for row in rows for name in re.findall(r"`([a-z]+)", row[0])]

    assert sorted(listed) == sorted(changes["items"]["properties"])


def test_the_picture_is_what_plan_prints(monkeypatch, capsys):
    picture = next(b for b in blocks("README.md") if b.section == "A plan")
    monkeypatch.chdir(ROOT / "docs/picture")

    code = run(["plan"])

    assert code == Exit.DONE
    assert picture.text in capsys.readouterr().out


def test_the_cluster_of_the_picture_is_json():
    assert json.loads((ROOT / "docs/picture/live.json").read_text())["queues"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    broken = [target for target in links(tokens(page)) if not leads_somewhere(page, target)]

    assert broken == []


def leads_somewhere(page: str, target: str) -> bool:
    if target.startswith("https://"):
        return True
    file, _, anchor = target.partition("#")
    path = (ROOT / page).parent / file if file else ROOT / page
    if not path.exists():
        return False
    return not anchor or anchor in anchors(path.resolve().relative_to(ROOT).as_posix())


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for text in (
            *spans(tokens(page)),
            *(block.text for block in blocks(page) if block.language in ("", "sh")),
        )
        for name in re.findall(r"(?:^|\s)make ([a-z-]+)", text, re.MULTILINE)
    }

    assert {"test", "demo"} <= named <= targets


def test_variables_exist():
    named = {
        name for page in PAGES for name in re.findall(r"RMQSYNC_[A-Z_]+", (ROOT / page).read_text())
    } - {"RMQSYNC_REQUIRE_BROKERS"}
    known = {
        str(variable)
        for verb in VERBS
        for one in main.get_command(click.Context(main), verb).params
        for variable in ([one.envvar] if isinstance(one.envvar, str) else one.envvar or ())
    }

    assert named
    assert named <= known


def test_no_flag_that_loosens_a_guard_has_a_variable():
    loosening = {"--allow-loss", "--allow-dirty", "--max-deletes", "--allow-plain-secrets"}

    with_variable = {
        flag
        for verb in VERBS
        for one in main.get_command(click.Context(main), verb).params
        for flag in one.opts
        if one.envvar and flag in loosening | {"--auto-approve", "--adopt"}
    }

    assert with_variable == set()
