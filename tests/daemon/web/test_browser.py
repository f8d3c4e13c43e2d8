"""What an operator does with the pages, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from tests.daemon.web import fleet
from tests.daemon.web.browser import Screen
from tests.daemon.web.fakes import FakeService
from tests.daemon.web.test_pages import many
from tests.daemon.web.webs import READER, TOKEN

PATHS = ["/", "/clusters/shanghai", "/clusters/shanghai/topology", "/runs", f"/runs/{fleet.RUN}",
         "/clusters/stopped", "/clusters/new",
         "/clusters/shanghai/objects/queue:%252F/qu.order.crm", "/nothing"]  # fmt: skip
TOPOLOGY = "/clusters/shanghai/topology"


def node(address: str) -> str:
    return f'.node[data-id="{address}"]'


@pytest.mark.parametrize("path", PATHS)
def test_a_page_gives_the_browser_nothing_to_complain_of(screen: Screen, path: str) -> None:
    """No script that fails, nothing that the policy of contents forbids."""
    screen.open(path)
    screen.one("#sign-in")

    said = [one for one in screen.logs() if "status of 404" not in one]
    assert said == []
    hosts = screen.script(
        "return performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)"
    )
    assert set(hosts) <= {screen.url}


def test_one_gets_from_the_fleet_to_a_cluster_its_topology_and_an_object(screen: Screen) -> None:
    screen.open("/")
    screen.one("a", "shanghai").click()
    screen.one("a", "Topology").click()
    screen.one(node(fleet.HELD)).click()
    screen.one("#open").click()

    assert screen.one("h1").text == fleet.HELD
    screen.one("a", "topology").click()
    assert screen.one(".node.chosen").get_attribute("data-id") == fleet.HELD
    screen.one(".brand").click()
    screen.one("h1", "Clusters")


@pytest.mark.parametrize("name", [fleet.SCRIPT, "a/b", "100%", "订单队列", "two  spaces "])
def test_an_object_of_any_name_is_opened_from_the_picture(screen: Screen, name: str) -> None:
    address = fleet.queue(name)
    screen.open(TOPOLOGY)
    screen.one(node(address)).click()
    screen.one("#open").click()

    assert screen.one("h1").text == address


def test_the_picture_shows_what_nobody_sees_as_an_escape(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one(node(fleet.ORDERS)).click()

    words = screen.script(
        "return [...document.querySelectorAll('svg text')].map((one) => one.textContent)"
    )
    assert "Q ☃\\u202esdrawkcab" in words
    assert not [one for one in words if "\u202e" in one]


def test_links_of_one_kind_between_two_are_one_line_with_all_labels(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one(node(fleet.BILLING)).click()

    titles = screen.script(
        "return [...document.querySelectorAll('.link title')].map((one) => one.textContent)"
    )
    assert [one for one in titles if "order.paid" in one] == ["binding order.paid, order.refunded"]


def test_the_filter_leaves_the_clusters_that_fit(screen: Screen) -> None:
    screen.open("/")
    screen.one("#filter").send_keys("UNREACH")

    shown = [one.text for one in screen.all("#clusters tbody th") if one.is_displayed()]
    assert shown == ["site-unreachable"]


def test_the_topology_is_searched_and_followed_by_keyboard_and_back(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one("#search").send_keys("qu.order.b")
    screen.until(lambda: len(screen.all(".node")) == 1, "the one that fits")
    screen.focused().send_keys(Keys.TAB, Keys.TAB)
    assert screen.focused().get_attribute("data-id") == fleet.BILLING

    screen.focused().send_keys(Keys.ENTER)
    assert {fleet.ORDERS, fleet.DEAD} <= {
        one.get_attribute("data-id") for one in screen.all(".node")
    }
    assert screen.focused().get_attribute("data-id") == fleet.BILLING
    screen.focused().send_keys(Keys.ARROW_RIGHT)
    assert screen.focused().get_attribute("data-id") == fleet.DEAD
    screen.focused().send_keys(Keys.SPACE)
    assert screen.one(".node.chosen").get_attribute("data-id") == fleet.DEAD
    screen.focused().send_keys(Keys.ARROW_LEFT)
    assert screen.focused().get_attribute("data-id") == fleet.BILLING

    screen.focused().send_keys(Keys.ESCAPE)
    screen.one(f".chosen{node(fleet.BILLING)}")
    assert fleet.BILLING in screen.script("return decodeURIComponent(location.hash)")
    screen.one("#back").click()
    screen.until(lambda: len(screen.all(".node")) == 1, "what was searched for")
    assert screen.script("return location.hash") == ""


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("订单", {fleet.queue("订单队列"), fleet.ORDERS}),
        ("VIPorder", {fleet.ORDERS, fleet.HELD}),
        ("expiry", {fleet.EXPIRY}),
        ("site-drifted", {fleet.THERE}),
    ],
)
def test_what_is_searched_is_names_as_they_are_and_routing_keys(
    screen: Screen, words: str, ids: set[str]
) -> None:
    screen.open(TOPOLOGY)
    screen.one(".node")
    screen.one("#search").send_keys(words)

    screen.until(lambda: shown(screen) == ids, "what fits")


def shown(screen: Screen) -> set[str]:
    found = screen.script("return [...document.querySelectorAll('.node')].map((a) => a.dataset.id)")
    return set(found)


def test_a_policy_is_followed_to_its_objects_and_its_page(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one(node(fleet.EXPIRY)).click()
    assert fleet.BILLING in shown(screen)
    assert fleet.DRIFTED not in shown(screen)
    screen.one("#open").click()

    assert screen.one("h1").text == fleet.EXPIRY
    screen.one("h2", "In force for 1")
    screen.one("li a", "qu.order.billing").click()
    assert screen.one("h1").text == fleet.BILLING


def test_a_policy_of_many_hides_nothing_of_one(screen: Screen) -> None:
    """A line to each of ten thousand would be all that there is to see."""
    with_many = many(1000)
    for one in with_many.drawn["nodes"]:
        one["policy"] = "expiry"
    with_many.drawn["nodes"].append(fleet.node(fleet.EXPIRY))
    with_many.drawn["links"] = []
    _take(screen, with_many)
    screen.open("/clusters/big/topology")
    screen.one("#search").send_keys("qu.0001")
    screen.until(lambda: len(screen.all(".node")) == 10, "those that fit")
    screen.one(node(fleet.queue("qu.00012"))).click()
    assert shown(screen) == {fleet.queue("qu.00012"), fleet.EXPIRY}

    screen.one(node(fleet.EXPIRY)).click()
    assert len(screen.all(".node")) == 400
    assert "not all" in screen.one("#found").text


def test_the_lines_of_a_policy_of_many_are_drawn_once_it_is_chosen(screen: Screen) -> None:
    with_some = many(100)
    for one in with_some.drawn["nodes"][1:]:
        one["policy"] = "expiry"
    with_some.drawn["nodes"].append(fleet.node(fleet.EXPIRY))
    _take(screen, with_some)
    screen.open("/clusters/big/topology")
    screen.one(node(fleet.EXPIRY))
    assert screen.all("#picture .link.policy") == []

    screen.one(node(fleet.EXPIRY)).click()
    assert len(screen.all("#picture .link.policy")) == 100


def test_what_is_on_another_cluster_leads_to_its_picture(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one(node(fleet.THERE)).click()
    screen.one("#open", "Open on site-drifted").click()

    screen.one("h1", "Topology of site-drifted")
    screen.one(f".chosen{node(fleet.DEAD_QUEUE)}")
    screen.open(TOPOLOGY)
    screen.one(node(fleet.OUTSIDE)).click()
    assert not screen.driver.find_element("id", "open").is_displayed()


def test_back_goes_to_the_object_before_and_search_stays(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one("#search").send_keys("billing")
    screen.one(node(fleet.BILLING)).click()
    screen.one(node(fleet.DEAD)).click()
    screen.one("#open").click()
    screen.one("h1", fleet.DEAD)

    screen.driver.back()
    screen.one(f".chosen{node(fleet.DEAD)}")
    screen.driver.back()
    screen.one(f".chosen{node(fleet.BILLING)}")
    screen.driver.back()
    screen.until(lambda: not screen.all(".chosen"), "what was searched for")
    assert screen.one("#search").get_attribute("value") == "billing"
    assert fleet.BILLING in shown(screen)
    screen.driver.forward()
    screen.one(f".chosen{node(fleet.BILLING)}")


CIRCLE = [fleet.queue(f"q{number}") for number in range(6)]
JOINTS = {
    "the fleet": [],
    "one is passed": [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (4, 5)],
    "a circle": [(0, 1), (1, 2), (2, 0), (3, 3), (2, 3), (3, 1)],
    "many to one": [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 0)],
}


@pytest.mark.parametrize("joints", JOINTS.values(), ids=JOINTS)
def test_no_line_runs_behind_a_box_and_no_label_lies_over_another(
    screen: Screen, joints: list[tuple[int, int]]
) -> None:
    if joints:
        screen.service.drawn["nodes"] = [fleet.node(one) for one in CIRCLE]
        screen.service.drawn["links"] = [
            fleet.link(CIRCLE[one], CIRCLE[other], f"order.paid.{one}.{other}.#")
            for one, other in joints
        ]
    screen.open(TOPOLOGY)
    screen.one(".node")

    assert len(screen.all("#picture .link")) == (len(joints) or 23)
    assert screen.script(CROSSINGS) == []
    assert len(screen.all("#picture .label")) >= len(joints)


CROSSINGS = """
const inside = (box, x, y) => x > box.left + 1 && x < box.right - 1 && y > box.top + 1 && y < box.bottom - 1;
const boxes = [...document.querySelectorAll('.node')].map((one) => [one.dataset.id, one.querySelector('rect').getBoundingClientRect()]);
const found = [], frame = document.querySelector('#picture svg').getBoundingClientRect();
for (const line of document.querySelectorAll('#picture .link')) {
  const length = line.getTotalLength();
  for (let at = 0; at <= length; at += 3) {
    const point = line.getPointAtLength(at), x = point.x + frame.left, y = point.y + frame.top;
    if (x < frame.left || x > frame.right || y < frame.top || y > frame.bottom) found.push(['out', line.textContent]);
    for (const [id, box] of boxes) if (inside(box, x, y)) found.push([id, line.textContent]);
  }
}
const labels = [...document.querySelectorAll('#picture .label')].map((one) => [one.textContent, one.getBoundingClientRect()]);
labels.forEach(([text, one], index) => {
  for (const [other, box] of [...boxes, ...labels.slice(index + 1)]) {
    if (one.left < box.right && box.left < one.right && one.top + 2 < box.bottom - 2 && box.top + 2 < one.bottom - 2) found.push([text, other]);
  }
});
return found.slice(0, 5);
"""  # noqa: E501


def test_what_is_drawn_is_explained(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one(".node")

    words = screen.one(".legend").text.split("\n")
    assert {"exchange", "queue", "dead letters", "policy in force", "declared, not there"} <= {
        one.strip() for one in words
    }


def test_that_the_cluster_has_changed_is_told_and_drawn_again_in_place(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one(node(fleet.BILLING)).click()
    screen.until(lambda: screen.script("return source && source.readyState") == 1, "it listens")
    screen.service.set("stopped", running="applying")
    screen.until(lambda: screen.script("return version") == 2, "the page has heard of it")
    assert screen.script("return document.getElementById('stale').hidden")
    screen.service.drawn["nodes"].append(fleet.node(fleet.queue("new")))
    screen.service.drawn["links"].append(
        fleet.link(fleet.BILLING, fleet.queue("new"), "", "dead-letter")
    )
    screen.service.set("shanghai", commit="f00d")

    screen.one("#stale", "The cluster has changed since.")
    screen.one("#again").click()
    screen.one(node(fleet.queue("new")))
    screen.one(f".chosen{node(fleet.BILLING)}")


def test_an_object_is_not_read_again_for_every_news_but_its_page_says_that_it_is_old(
    screen: Screen,
) -> None:
    screen.open(f"/clusters/shanghai/objects/{quote(fleet.BILLING)}")
    screen.until(lambda: screen.script("return source && source.readyState") == 1, "it listens")
    screen.service.set("stopped", running="applying")
    screen.until(lambda: screen.script("return version") == 2, "the page has heard of it")
    assert screen.script("return document.getElementById('stale').hidden")
    screen.service.set("shanghai", commit="f00d")

    screen.one("#stale", "The cluster has changed since.")
    assert screen.service.looks == 1
    screen.one("#again").click()
    screen.until(lambda: screen.script("return document.body.dataset.version") == "3", "it is new")
    assert screen.service.looks == 2


def test_a_table_that_goes_on_shows_that_it_does(screen: Screen) -> None:
    screen.resize(390, 844)
    screen.open(TOPOLOGY)
    wide = screen.one("table").find_element("xpath", "..")

    moves = wide.value_of_css_property("background-attachment").split(", ")
    assert moves[:4] == ["local", "local", "scroll", "scroll"]
    table = screen.one("table").value_of_css_property("background-color")
    assert table == "rgba(0, 0, 0, 0)"  # else it would cover the shade


def test_a_vhost_is_chosen_by_its_very_name(screen: Screen) -> None:
    screen.open(TOPOLOGY)
    screen.one("#vhost").click()
    screen.script(
        "const one = document.getElementById('vhost'); one.selectedIndex = 2;"
        "one.dispatchEvent(new Event('change', { bubbles: true }));"
    )

    screen.until(lambda: len(screen.all(".node")) == 1, "the one of the vhost")
    assert screen.one("#found").text.startswith("1 of ")


def test_of_ten_thousand_objects_those_around_one_are_drawn(screen: Screen) -> None:
    with_many = many(10_000)
    _take(screen, with_many)
    screen.open("/clusters/big/topology")
    screen.until(lambda: "too many to draw" in screen.one("#found").text, "it says so")
    assert "The first 50 are listed." in screen.one("#found").text
    screen.one("#more").click()
    assert len(screen.all("#results li")) == 250
    assert screen.one("#results button").text == "exchange ex.order.topic in /"
    screen.one("#search").send_keys("qu.01234")
    screen.until(lambda: len(screen.all(".node")) == 1, "the one that fits")
    screen.one(".node").click()

    assert "not all" in screen.one("#found").text
    assert len(screen.all(".node")) == 400
    shown = [one.get_attribute("data-id") for one in screen.all(".node")]
    assert {fleet.ORDERS, fleet.queue("qu.01234")} <= set(shown)


def _take(screen: Screen, other: FakeService) -> None:
    """Let the daemon before the browser tell of another fleet."""
    service = screen.service
    service.clusters, service.drawn = other.clusters, other.drawn


def test_who_is_not_signed_in_can_press_nothing(screen: Screen, service: FakeService) -> None:
    screen.open("/clusters/shanghai")
    screen.one("[data-signed-out]", "Sign in to use these.")

    assert {one.is_enabled() for one in screen.all("[data-post]")} == {False}
    screen.sign_in(TOKEN)
    assert {one.is_enabled() for one in screen.all("[data-post]")} == {True}
    screen.script("say('Sync now: it went wrong')")
    screen.one("#sign-in", "Sign out").click()
    assert {one.is_enabled() for one in screen.all("[data-post]")} == {False}
    assert screen.status() == ""


def test_a_pause_asks_why_and_shows(screen: Screen, service: FakeService) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.one("button", "Pause").click()
    screen.one("#dialog-ok").click()
    assert service.calls == []  # the reason is required
    screen.one("dialog input[name=reason]").send_keys("<b>maintenance</b>")
    screen.one("dialog input[name=for]").send_keys("2h", Keys.ENTER)

    screen.until(lambda: "<b>maintenance</b>" in screen.one(".alert").text, "it is paused")
    assert service.calls == [("pause", "shanghai", "<b>maintenance</b>", "ops", True)]
    assert screen.status() == "Pause: done."
    screen.one("button", "Resume").click()
    screen.one("button", "Pause")
    assert service.calls[-1] == ("resume", "shanghai", "ops")


@pytest.mark.parametrize("way", [Keys.ESCAPE, "Cancel"])
def test_who_thinks_again_has_nothing_done(screen: Screen, service: FakeService, way: str) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.one("button", "Sync now").click()
    screen.one("#dialog-title", "Run shanghai now?")
    if way == "Cancel":
        screen.one("dialog button", way).click()
    else:
        screen.focused().send_keys(way)

    screen.until(lambda: not screen.one("#main").find_elements("css selector", "dialog"), "closed")
    screen.until(lambda: not screen.all("dialog[open]"), "it is closed")
    assert service.calls == []


@pytest.mark.parametrize("address", [fleet.HELD, fleet.DRIFTED])
def test_what_is_held_is_approved_by_its_own_button(
    screen: Screen, service: FakeService, address: str
) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.script("for (const one of document.querySelectorAll('details')) one.open = true")
    screen.one(f'[data-body*="{address}"]').click()
    assert address in screen.one("#dialog-title").text
    screen.one("dialog input[name=reason]").send_keys("agreed")
    screen.one("#dialog-ok").click()

    said = f"Approve: It counts for one run, until {fleet.AT}."
    screen.until(lambda: screen.status() == said, "it is approved")
    assert service.calls == [("approve", "shanghai", "ops", (address,), "agreed")]


def test_a_plan_that_has_changed_meanwhile_is_not_approved_and_told(
    screen: Screen, service: FakeService
) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.one(f'[data-body*="{fleet.HELD}"]').click()
    other = fleet.plan("shanghai", [])
    other["fingerprint"] = "another-one"
    service.set("shanghai", plan=other)
    screen.one("#dialog-ok").click()

    screen.until(lambda: "another one by now" in screen.status(), "why not")
    screen.until(lambda: "Nothing is held." in screen.one("#main").text, "how it is by now")
    assert service.calls == []


@pytest.mark.parametrize("token", ["wrong", "密码"])
def test_a_wrong_token_is_told_when_one_signs_in(screen: Screen, token: str) -> None:
    """One that is not ASCII is as wrong as any."""
    screen.open("/clusters/shanghai")
    screen.offer(token)

    screen.until(lambda: screen.status() == "Sign in: no such token", "it is told")
    assert screen.one("#sign-in").text == "Sign in"
    assert {one.is_enabled() for one in screen.all("[data-post]")} == {False}
    screen.sign_in(TOKEN)
    assert screen.status() == ""


def test_a_token_that_is_taken_back_is_forgotten(screen: Screen, service: FakeService) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.script("sessionStorage.setItem('rmqsync-token', 'of yesterday')")
    screen.one("button", "Compare now").click()

    screen.until(lambda: screen.status() == "Compare now: no such token", "it is told")
    screen.one("#sign-in", "Sign in")
    assert service.calls == []


def test_a_token_opens_only_what_it_may(screen: Screen) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(READER)

    screen.one("[data-signed-out]", "Token 'reader' may not sync, pause, approve.")
    enabled = [one.text for one in screen.all("[data-post]") if one.is_enabled()]
    assert enabled == ["Compare now"]


def test_why_nothing_is_applied_is_told_before_and_after(
    screen: Screen, service: FakeService
) -> None:
    service.set("shanghai", blocked="It is outside of its windows.")
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.one("button", "Sync now").click()
    assert screen.one("#dialog-text").text == "It is outside of its windows."
    screen.one("#dialog-ok").click()

    screen.until(lambda: screen.status() == "Sync now: It is outside of its windows.", "why")


def test_where_nothing_is_applied_nothing_is_offered_that_cannot_be(
    screen: Screen, service: FakeService
) -> None:
    service.set("shanghai", mode="report")
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)

    assert [one.text for one in screen.all("[data-post]")] == ["Compare now"]
    assert "mode: report: nothing is applied here" in screen.one("#main").text


def test_all_that_are_held_for_one_reason_are_approved_at_once(
    screen: Screen, service: FakeService
) -> None:
    names = [fleet.queue(f"qu.{number}") for number in range(100)]
    held = fleet.hold("max-deletes", "--max-deletes 100")
    plan = fleet.plan("shanghai", [fleet.change(name, "delete", hold=held) for name in names])
    service.set("shanghai", plan=plan, drifts=[])
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.one("button", "Approve all 100 held for max-deletes").click()
    assert "and 90 more" in screen.one("#dialog-text").text
    screen.one("#dialog-ok").click()

    screen.until(lambda: service.calls, "it is approved")
    assert service.calls == [("approve", "shanghai", "ops", tuple(names), None)]


def test_times_go_on_while_nothing_changes(screen: Screen, service: FakeService) -> None:
    moment = datetime.now(UTC)
    service.set("shanghai", checked_at=moment.isoformat(),
                next_at=(moment + timedelta(seconds=3)).isoformat())  # fmt: skip
    screen.open("/")
    row = screen.one("#clusters tr[data-filter^='shanghai ']")
    first = row.text

    assert "in " in first
    screen.until(lambda: row.text != first and " now" in row.text, "time goes on")


def test_a_token_stays_in_its_tab_and_is_no_cookie(screen: Screen) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.open("/")

    assert screen.one("#sign-in").text == "Sign out"
    assert screen.driver.get_cookies() == []
    assert screen.script("return Object.keys(localStorage)") in ([], ["rmqsync-theme"])


def test_a_change_is_seen_without_loading_the_page_again(
    screen: Screen, service: FakeService
) -> None:
    screen.open("/")
    screen.script("window.isTheSame = true")
    screen.one("#filter").send_keys("shang")
    service.set("shanghai", sync="failed", error="it cannot")

    screen.until(lambda: "failed" in screen.one("#clusters tbody tr").text, "it is seen")
    assert screen.script("return window.isTheSame") is True
    assert screen.focused().get_attribute("id") == "filter"
    assert [one.text for one in screen.all("#clusters th[scope=row]") if one.is_displayed()] == [
        "shanghai"
    ]


def test_what_changes_while_a_dialog_is_open_is_seen_once_it_is_closed(
    screen: Screen, service: FakeService
) -> None:
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.one("button", "Pause").click()
    screen.script("window.seen = 0")
    service.set("shanghai", running="applying")
    screen.until(lambda: screen.script("return version") == 2, "the page has heard of it")
    screen.one("dialog button", "Cancel").click()

    screen.until(lambda: "applying…" in screen.one("#main").text, "it is seen")


def test_a_change_leaves_the_keyboard_where_it_is(screen: Screen, service: FakeService) -> None:
    """All buttons that approve are called alike: Enter must not mean another object."""
    screen.open("/clusters/shanghai")
    screen.sign_in(TOKEN)
    screen.script("for (const one of document.querySelectorAll('details')) one.open = true")
    screen.script(f"document.querySelector('[data-body*=\"{fleet.HELD}\"]').focus()")
    service.set("shanghai", running="comparing")

    screen.until(lambda: "comparing…" in screen.one("#main").text, "it is seen")
    assert fleet.HELD in str(screen.focused().get_attribute("data-body"))
    opened = screen.script("return document.querySelectorAll('details[open]').length")
    assert opened == len(screen.all("details"))


def test_a_page_that_nobody_looks_at_listens_no_more(screen: Screen) -> None:
    """A browser has six connections to one address, and all its tabs share them."""
    screen.open("/")
    screen.until(lambda: screen.script("return Boolean(source)"), "it listens")
    screen.script(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'));"
    )
    assert screen.script("return source") is None
    screen.script("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")

    screen.until(lambda: screen.script("return source && source.readyState") == 1, "it listens")


def test_the_theme_changes_and_stays(screen: Screen) -> None:
    screen.open("/")
    light = screen.one("body").value_of_css_property("background-color")
    screen.one("#theme").click()
    dark = screen.one("body").value_of_css_property("background-color")
    screen.open("/runs")

    assert light != dark
    assert screen.one("body").value_of_css_property("background-color") == dark
    screen.one("#theme").click()
    assert screen.one("body").value_of_css_property("background-color") == light


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [360, 768])
def test_a_page_is_as_wide_as_the_screen(screen: Screen, path: str, width: int) -> None:
    screen.resize(width, 740)
    screen.open(path)
    screen.one("#sign-in")
    screen.script("for (const one of document.querySelectorAll('details')) one.open = true")

    wide = screen.script("return document.documentElement.scrollWidth")
    assert wide <= width


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_told_well_to_who_does_not_see_it(screen: Screen, path: str) -> None:
    screen.open(path)
    screen.one("#sign-in")

    assert len(screen.all("h1")) == 1
    assert screen.script("return document.documentElement.lang") == "en"
    nameless = screen.script(
        "return [...document.querySelectorAll('button, a[href], input, select, [role=button]')]"
        ".filter((one) => !one.textContent.trim() && !one.getAttribute('aria-label')"
        " && !(one.labels && one.labels.length)).map((one) => one.outerHTML)"
    )
    assert nameless == []
    levels = [int(one.tag_name[1]) for one in screen.all("h1, h2, h3")]
    assert levels[0] == 1
