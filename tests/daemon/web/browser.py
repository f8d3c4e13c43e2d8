"""
Headless Chromium that looks at a daemon on loopback, and is left with nothing to ask elsewhere.

Debian's packages are installed where they lack and we are root. Where there can be no browser,
`Unavailable` says why.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.brokers import Unavailable
from tests.brokers.folders import cache_folder, locked
from tests.daemon.web.fakes import FakeService

BOUND_S = 30.0
"""However busy the machine is, a page has done by then what a test waits for."""
PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Programs, and Debian's packages of them."""
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-device-scale-factor=1", "--force-prefers-reduced-motion", "--hide-scrollbars",
)  # fmt: skip


def programs() -> tuple[str, str]:
    """Return the paths of browser and driver, installed now if they lack."""
    if any(shutil.which(name) is None for name in PACKAGES):
        with locked(cache_folder() / "apt.lock"):
            lacking = [package for name, package in PACKAGES.items() if not shutil.which(name)]
            if lacking:
                _install(lacking)
    found = [shutil.which(name) for name in PACKAGES]
    if found[0] is None or found[1] is None:
        raise Unavailable(f"there is no browser: no {' or '.join(PACKAGES)} in PATH")
    return found[0], found[1]


def _install(packages: list[str]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(
            f"there is no browser: install {' and '.join(packages)}, or run as root on Debian"
        )
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *words], env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise Unavailable(f"apt-get {' '.join(words)} failed:\n{done.stderr[-2000:]}")


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of loopback; gives its address."""
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        app.state.is_stopping = True
        server.should_exit = True
        thread.join(BOUND_S)
        sock.close()


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """Run a browser that knows nothing yet."""
    browser, driver = programs()
    options = ChromeOptions()
    options.binary_location = browser
    for one in (*_OPTIONS, f"--user-data-dir={profile}", "--window-size=1280,900"):
        options.add_argument(one)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = Chrome(options=options, service=ChromeService(driver))
    try:
        yield found
    finally:
        found.quit()


class Screen:
    """What a person sees and does."""

    def __init__(self, driver: Chrome, url: str, service: FakeService) -> None:
        self.driver = driver
        self.url = url
        self.service = service

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str, text: str | None = None) -> WebElement:
        """Return what is seen of this sort, with this text, once it is."""

        def seen() -> WebElement | None:
            for found in self.all(css):
                if found.is_displayed() and text in (None, found.text.strip()):
                    return found
            return None

        found: WebElement = self.until(seen, f"{css} {text or ''}")
        return found

    def until(self, found: Callable[[], Any], what: str) -> Any:
        """Return what is found once it is anything."""
        wait = WebDriverWait(
            self.driver, BOUND_S, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return wait.until(lambda _: found(), f"not seen: {what}; {self.logs()}")

    def script(self, text: str, *values: Any) -> Any:
        return self.driver.execute_script(text, *values)  # type: ignore[no-untyped-call]

    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element

    def status(self) -> str:
        return self.driver.find_element(By.ID, "status").text

    def logs(self) -> list[str]:
        """Return what the browser complained of since it was asked last."""
        return [one["message"] for one in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def resize(self, width: int, height: int = 900) -> None:
        """Set the size of the page itself: a window cannot be as narrow as a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def offer(self, token: str) -> None:
        """Try to sign in."""
        self.one("#sign-in", "Sign in").click()
        self.one("dialog input[name=token]").send_keys(token)
        self.one("#dialog-ok").click()

    def sign_in(self, token: str) -> None:
        self.offer(token)
        self.one("#sign-in", "Sign out")
