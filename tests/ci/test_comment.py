"""One comment is kept up to date, on both forges, and nothing that goes wrong fails a job."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci import comment
from tests.ci.forge import OURS, SOMEBODY, Fault, Forge, running

MARKER = "<!-- rmqsync:plan:prod -->"
BODY = f"{MARKER}\n### ✅ No changes.\n"
OLD = f"{MARKER}\n### 3 to add\n"
OTHER_KEY = "<!-- rmqsync:plan:prod-2 -->\n### 3 to add\n"

FORGES = ("github", "gitlab")


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running(Forge()) as started:
        yield started


@pytest.fixture(params=FORGES)
def environ(request: pytest.FixtureRequest, forge: Forge, tmp_path: Path) -> dict[str, str]:
    if request.param == "gitlab":
        forge.user = OURS  # an access token always has a user
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": forge.url,
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "5",
            "RMQSYNC_GITLAB_TOKEN": forge.token,
        }
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 5}}))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_API_URL": forge.url,
        "GITHUB_REPOSITORY": "shop/definitions",
        "GITHUB_TOKEN": forge.token,
    }


def keep(environ: dict[str, str], body: str = BODY, *, update_only: bool = False) -> str:
    waited: list[float] = []
    found = comment.forge_of(environ, waited.append)
    return comment.keep_up_to_date(found, body, update_only=update_only)


def test_the_first_run_makes_a_comment_and_later_ones_write_it_anew(
    forge: Forge, environ: dict[str, str]
) -> None:
    assert keep(environ, OLD) == "comment made"
    assert keep(environ) == "comment updated"
    assert keep(environ) == "comment is as it should be"

    assert forge.bodies == [BODY]
    assert len(forge.writes) == 2


def test_it_is_found_behind_hundreds_of_others(forge: Forge, environ: dict[str, str]) -> None:
    for number in range(250):
        forge.add(f"remark {number}", SOMEBODY)
    forge.add(OLD)
    forge.add("thanks", SOMEBODY)

    assert keep(environ) == "comment updated"

    assert forge.bodies[250] == BODY
    assert len(forge.comments) == 252


def test_a_comment_with_another_key_is_left_alone(forge: Forge, environ: dict[str, str]) -> None:
    forge.add(OTHER_KEY)

    assert keep(environ) == "comment made"

    assert forge.bodies == [OTHER_KEY, BODY]


def test_a_comment_that_somebody_else_marked_is_left_alone(
    forge: Forge, environ: dict[str, str]
) -> None:
    """Its writer could change afterwards what rmqsync seems to say."""
    forge.add(OLD, SOMEBODY)

    assert keep(environ) == "comment made"

    assert forge.bodies == [OLD, BODY]


def test_a_marker_that_is_quoted_further_down_is_none(
    forge: Forge, environ: dict[str, str]
) -> None:
    forge.add(f"see {MARKER}")

    assert keep(environ) == "comment made"


def test_doubles_of_runs_at_the_same_time_are_removed(
    forge: Forge, environ: dict[str, str]
) -> None:
    forge.add(OLD)
    forge.add("remark", SOMEBODY)
    forge.add(OLD)

    keep(environ)

    assert forge.bodies == [BODY, "remark"]


def test_update_only_makes_no_comment_but_keeps_the_one_there(
    forge: Forge, environ: dict[str, str]
) -> None:
    assert keep(environ, update_only=True) == "nothing to say, no comment made"
    assert forge.writes == []

    forge.add(OLD)

    assert keep(environ, update_only=True) == "comment updated"
    assert forge.bodies == [BODY]


def test_what_passes_is_tried_again(forge: Forge, environ: dict[str, str]) -> None:
    forge.faults = [Fault(502, "GET", times=2, body=b"<html>")]

    assert keep(environ) == "comment made"


def test_a_comment_is_not_sent_twice_when_nobody_knows_what_became_of_it(
    forge: Forge, environ: dict[str, str]
) -> None:
    forge.faults = [Fault(502, "POST", times=1)]

    with pytest.raises(comment.Refused, match="502"):
        keep(environ)

    assert forge.writes == ["POST"]


def test_it_waits_as_long_as_it_is_asked_to(forge: Forge, environ: dict[str, str]) -> None:
    forge.faults = [Fault(429, "POST", times=1, headers={"Retry-After": "17"})]
    waited: list[float] = []

    comment.keep_up_to_date(comment.forge_of(environ, waited.append), BODY)

    assert waited == [17.0]
    assert forge.bodies == [BODY]


def test_a_token_is_not_carried_to_another_host(forge: Forge, environ: dict[str, str]) -> None:
    with running(Forge()) as other:
        forge.faults = [Fault(302, headers={"Location": other.url + "/user"})]

        with pytest.raises(comment.Refused, match="302"):
            keep(environ)

        assert other.seen == []


def say(environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    file = tmp_path / "comment.md"
    file.write_text(BODY)
    assert comment.main([str(file)], environ) == 0
    return capsys.readouterr().out


def test_without_permission_the_job_goes_on_and_is_told_what_is_missing(
    forge: Forge, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.faults = [Fault(403, "POST")]

    said = say(environ, tmp_path, capsys)

    assert "no comment on the pull request: POST" in said
    assert "403 Resource not accessible by integration" in said
    assert ("pull-requests: write" in said) or ("needs the scope `api`" in said)
    assert forge.token not in said


def test_without_a_token_the_job_goes_on(
    forge: Forge, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.pop("GITHUB_TOKEN", None)
    environ.pop("RMQSYNC_GITLAB_TOKEN", None)

    assert "no comment on the pull request: " in say(environ, tmp_path, capsys)
    assert forge.seen == []


def test_an_api_that_does_not_answer_does_not_fail_the_job(
    environ: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comment, "_TRIES", 1)
    for name in ("GITHUB_API_URL", "CI_API_V4_URL"):
        if name in environ:
            environ[name] = "http://127.0.0.1:9"

    assert "refused" in say(environ, tmp_path, capsys)


def test_what_a_server_says_cannot_become_a_command_of_the_runner(
    forge: Forge, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.faults = [Fault(403, body=b'{"message": "no\\n::set-output name=x::y"}')]

    said = say(environ, tmp_path, capsys)

    assert len(said.splitlines()) == 1


def test_a_push_has_no_pull_request_to_comment_on(
    forge: Forge, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.pop("CI_MERGE_REQUEST_IID", None)
    (tmp_path / "event.json").write_text('{"before": "0"}')

    assert "no comment on the pull request: " in say(environ, tmp_path, capsys)
    assert forge.seen == []


def test_a_token_of_a_person_owns_what_that_person_wrote(
    forge: Forge, environ: dict[str, str]
) -> None:
    forge.user = {"id": 3, "login": "deployer", "type": "User"}
    forge.add(OLD, OURS)
    forge.add(OLD, forge.user)

    assert keep(environ) == "comment updated"

    assert forge.bodies == [OLD, BODY]


def test_a_file_without_a_marker_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no comment of rmqsync"):
        keep(environ, "### hello\n")
