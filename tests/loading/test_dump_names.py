import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.loading.dump_names import folders, secret_name, slug

TOP = ["users.yaml", "global_parameters.yaml"]
WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", re.I)


@pytest.mark.parametrize(
    ("vhosts", "names"),
    [
        pytest.param(["/", "common"], ["_default", "common"], id="the usual"),
        pytest.param(["shop.eu-1"], ["shop.eu-1"], id="dots and dashes inside"),
        pytest.param(["订单"], ["订单"], id="Chinese stays readable"),
        pytest.param(["team a/b"], ["team_a_b"], id="blanks and slashes"),
        pytest.param(["a/b", "a b"], ["a_b-…", "a_b-…"], id="two that come to one"),
        pytest.param(["Team", "team"], ["Team-…", "team-…"], id="case alone"),
        pytest.param(["_default", "/"], ["default-…", "_default"], id="as / is called"),
        pytest.param(["users.yaml"], ["users.yaml-…"], id="as a file beside it"),
        pytest.param([".."], ["vhost-…"], id="the parent folder"),
        pytest.param(["con.txt"], ["con_txt-…"], id="a device of Windows"),
    ],
)
def test_folders_of_vhosts(vhosts, names):
    found = folders(vhosts, TOP)

    assert [without_digest(found[vhost]) for vhost in vhosts] == names
    assert len(set(found.values())) == len(vhosts)


def without_digest(name):
    return re.sub(r"-[0-9a-f]{8}\Z", "-…", name)


def test_composed_and_decomposed_letters_get_folders_apart():
    found = folders(["é", "e\u0301"], TOP)

    assert len({name.casefold() for name in found.values()}) == 2
    assert all(name.isprintable() for name in found.values())


@given(st.lists(st.text(), unique=True, max_size=20))
def test_any_vhosts_get_safe_distinct_folders(vhosts):
    found = folders([*vhosts, "/"], TOP)

    names = list(found.values())
    assert len({name.casefold() for name in [*names, *TOP]}) == len({*vhosts, "/"}) + len(TOP)
    for name in names:
        assert name == "_default" or not name.startswith((".", "-"))
        assert name
        assert not name.endswith((".", " "))
        assert not re.search(r'[\x00-\x1f\x7f/\\:*?"<>|\s]', name)
        assert not WINDOWS_DEVICES.match(name)
        assert len(name.encode()) <= 120


def test_a_folder_does_not_depend_on_the_order_of_vhosts():
    vhosts = ["a b", "a/b", "Team", "team", "/"]

    assert folders(vhosts, TOP) == folders(vhosts[::-1], TOP)


@pytest.mark.parametrize(
    ("words", "path", "name"),
    [
        (("order-svc",), ("password_hash",), "order_svc_password_hash"),
        (("common", "shovel", "x"), ("src-uri",), "common_shovel_x_src_uri"),
        (("/", "shovel", "x"), ("dest-uri", 1), "default_shovel_x_dest_uri_1"),
        (("v", "shovel", "订单"), ("uri",), "v_shovel_3d5436ea_uri"),
    ],
)
def test_names_of_secrets(words, path, name):
    assert secret_name(words, path) == name


@given(st.lists(st.text(), min_size=1))
def test_a_slug_is_a_word_for_files_and_shells(parts):
    assert re.fullmatch(r"[a-z0-9_]{1,100}", slug(parts))
