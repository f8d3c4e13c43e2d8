"""A browser for the tests of pages: one for all of them, signed out and on a new page for each."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.brokers import Unavailable
from tests.brokers.pool import are_required
from tests.daemon.web.browser import Screen, chromium, served
from tests.daemon.web.fakes import FakeService
from tests.daemon.web.webs import application

Opener = Callable[[FakeService], Screen]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    try:
        with chromium(tmp_path_factory.mktemp("chromium")) as found:
            yield found
    except Unavailable as error:
        if are_required():
            raise
        pytest.skip(str(error))


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def screen(driver: Chrome, service: FakeService) -> Iterator[Screen]:
    """A browser of 1280 by 900, before the daemon that tests hold as `service`."""
    with served(application(service)) as url:
        found = Screen(driver, url, service)
        found.resize(1280)
        found.open("/healthz")
        found.logs()
        yield found
        driver.get("about:blank")
