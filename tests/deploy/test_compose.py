"""The compose file: right by the specification, closed to others, and whole."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rmqsync.cli.main import run
from tests.deploy.places import (
    DATA,
    DEPLOY,
    dockerfile,
    load,
    most_threads,
    seconds,
    secret_files,
    settings,
)

HERE = DEPLOY / "compose"
COMPOSE = load("compose/compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = SERVICES["rmqsync"]
BROKERS = ("north", "south")


def test_it_is_right_by_the_specification_of_compose() -> None:
    place = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    schema = json.loads(place.read_text())

    jsonschema.validators.validator_for(schema)(schema).validate(COMPOSE)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_published_is_reached_from_this_machine_only(name: str) -> None:
    assert SERVICES[name]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_no_port_is_published_twice() -> None:
    ports = [port.split(":")[1] for one in SERVICES.values() for port in one["ports"]]

    assert sorted(set(ports)) == sorted(ports)


@pytest.mark.parametrize("name", ["rmqsync", "git"])
def test_what_we_build_writes_only_its_volume_and_has_no_rights(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert len(service["volumes"]) == 1


def test_the_volume_is_the_data_folder_of_the_image() -> None:
    assert OURS["volumes"] == [f"rmqsync:{DATA}"]
    assert dockerfile("VOLUME") == DATA


@pytest.mark.parametrize("name", ["git", "rmqsync"])
def test_what_is_built_has_its_dockerfile_with_a_health_check(name: str) -> None:
    folder = HERE / SERVICES[name]["build"]

    assert "\nHEALTHCHECK " in (folder / "Dockerfile").read_text()


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_tells_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_clusters_are_of_two_generations() -> None:
    generations = {SERVICES[name]["image"].partition(":")[2].split(".")[0] for name in BROKERS}

    assert generations == {"3", "4"}


def test_rmqsync_waits_for_all_others() -> None:
    assert OURS["depends_on"] == {
        name: {"condition": "service_healthy"} for name in SERVICES if name != "rmqsync"
    }


def test_all_threads_of_the_daemon_fit_into_its_bounds() -> None:
    assert OURS["pids_limit"] >= most_threads()


def test_the_grace_of_a_run_fits_into_that_of_the_container() -> None:
    grace_s = settings(HERE / "rmqsync.yaml").daemon.grace_s

    assert seconds(OURS["stop_grace_period"]) >= grace_s + 10


def test_every_file_that_is_named_is_there() -> None:
    named = [*COMPOSE["secrets"].values(), *COMPOSE["configs"].values()]

    assert all((HERE / one["file"]).is_file() for one in named)


def test_every_secret_is_an_example_that_says_so() -> None:
    """Nobody takes a word that looks random for a secret of his own."""
    values = [(HERE / one["file"]).read_text() for one in COMPOSE["secrets"].values()]

    assert all(value.startswith("example-only-") for value in values)
    assert len(set(values)) == len(values)


def test_rmqsync_gets_the_secrets_that_its_settings_name() -> None:
    named = secret_files(settings(HERE / "rmqsync.yaml"))

    assert {f"/run/secrets/{name}" for name in OURS["secrets"]} == named


def test_settings_name_the_services_by_their_names() -> None:
    found = settings(HERE / "rmqsync.yaml")

    assert found.source.git == "http://git:3000/definitions.git"
    for name, cluster in found.clusters.items():
        assert SERVICES[name]["hostname"] == name
        assert cluster.endpoints == (f"http://{name}:15672",)
        assert cluster.amqp == (f"amqp://{name}:5672",)
        assert cluster.nodes == (f"rabbit@{name}",)
        assert cluster.username == SERVICES[name]["environment"]["RABBITMQ_DEFAULT_USER"]


@pytest.mark.parametrize("version", ["3.13.7", "4.1.0", "4.3.0"])
def test_definitions_are_right_on_either_generation(
    version: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (HERE / "rmqsync.yaml").read_text()
    (tmp_path / "rmqsync.yaml").write_text(
        text.replace(
            "  git: http://git:3000/definitions.git\n", f"  path: {HERE}/git/definitions\n"
        ).replace("  branch: main\n", "")
    )
    monkeypatch.chdir(tmp_path)

    code = run(["validate", "--rabbitmq-version", version])

    told = capsys.readouterr()
    assert (code, told.out.strip()) == (0, "Success! The definitions are valid."), told.err
