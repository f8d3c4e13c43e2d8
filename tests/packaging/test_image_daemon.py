"""
The stories of the daemon, told again by the one in the image.

They are the tests of the daemon themselves, with a home whose launcher is the image: another user,
a root that cannot be written, git and ssh as the image has them, the network of this machine.
"""

# ruff: noqa: F401, F811 - what is imported, test or fixture, is one of this module
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.conftest import home
from tests.daemon.daemons import Home, shop
from tests.daemon.test_drift_reports import (
    served_home,
    test_drift_is_written_to_the_folder_and_the_branch,
)
from tests.daemon.test_end_to_end import (
    test_a_broken_commit_keeps_the_last_good_one_in_force,
    test_a_dead_cluster_delays_no_other,
    test_a_held_change_goes_ahead_once_it_is_approved,
    test_a_killed_daemon_goes_on_where_it_was,
    test_a_paused_cluster_is_left_alone_until_it_is_resumed,
    test_a_term_signal_in_the_midst_of_an_apply_ends_in_time,
    test_a_webhook_is_quicker_than_the_poll,
    test_changes_wait_for_their_window_and_can_be_called_off,
    test_drift_is_healed_where_that_is_wanted,
    test_drift_is_told_and_left_alone,
    test_no_secret_is_in_the_log,
    test_what_is_pushed_is_applied,
)
from tests.daemon.test_git_sources import (
    test_a_rebased_branch_is_held_until_a_person_lets_it_go_ahead,
    test_a_revert_is_applied_and_a_branch_that_goes_back_is_held_and_told,
    test_a_token_is_taken_anew_once_it_is_right_and_never_shown,
    test_only_a_signed_head_is_applied_and_the_rest_is_told,
    test_ssh_goes_only_to_hosts_whose_key_is_known,
)
from tests.daemon.test_lasting import (
    test_a_cluster_that_dies_is_told_and_gets_what_it_missed_once_it_is_back,
    test_runs_and_exports_are_kept_in_the_data_folder_over_a_restart,
)
from tests.daemon.test_served import (
    test_nobody_pauses_or_approves_without_the_token_or_from_the_page_of_another_site,
    test_pages_answer_with_all_that_they_are_made_of_and_take_nothing_from_elsewhere,
)
from tests.packaging.image import Image
from tests.packaging.launched import InImage
from tests.postgres.server import Postgres


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r43")


@pytest.fixture
def empty_home(tmp_path: Path, built: Image) -> Home:
    return Home(tmp_path / "home", launcher=InImage(built))


def test_ssh_takes_a_key_that_only_its_group_may_read(tmp_path: Path, built: Image) -> None:
    home = Home(tmp_path / "home", launcher=InImage(built, by_group=True))

    test_ssh_goes_only_to_hosts_whose_key_is_known(home)


def test_a_secret_that_its_user_may_not_read_is_named(empty_home: Home) -> None:
    secret = empty_home.folder / "git_token"
    secret.touch(mode=0o600)
    token = {"file": str(secret)}
    empty_home.settings["source"].update(git="https://127.0.0.1:9/mq.git", token=token)
    empty_home.snapshot("one")
    with empty_home.running() as daemon:
        told = daemon.until(lambda: daemon.source()["error"], "it is told")

    assert str(secret) in told
    assert "ermission denied" in told


def test_the_history_may_be_in_postgresql(home: Home, postgres: Postgres) -> None:
    home.environ["HISTORY"] = postgres.new_database()
    home.settings["daemon"]["history"] = {"env": "HISTORY"}
    first = home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync", commit=first)
        runs = daemon.runs(1)

    assert [(run["status"], run["commit"]) for run in runs] == [("applied", first)]
    assert not (home.folder / "data/history.sqlite").exists()
