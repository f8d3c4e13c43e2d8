"""Runs the demo: brokers and a folder for it, and all of that away again at its end."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.brokers import Broker, Unavailable, down, unavailable
from tests.brokers.lifecycle import up_all
from tests.demo.stage import NotAsTold, Stage, wants_color
from tests.demo.story import tell
from tests.demo.workplace import secrets_for

_ROOT = Path(__file__).parents[2]
_SITES = {"shanghai": "r310", "hangzhou": "r43"}
"""Which generation each site of the example runs."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """A signal told the demo to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> int:
    """Play the demo; 0 if everything was as told."""
    for number in _SIGNALS:
        signal.signal(number, _end)
    with tempfile.TemporaryDirectory(prefix="rmqsync-demo-") as folder:
        stage = Stage(wants_color(os.environ), Path(folder), os.environ)
        try:
            return _play(stage)
        except (NotAsTold, RuntimeError, OSError, subprocess.SubprocessError) as error:
            stage.fail(str(error))
            return 1
        except _Ended as ended:
            stage.fail("interrupted; everything it had started is ended")
            return 128 + ended.number


def _play(stage: Stage) -> int:
    if (why := unavailable()) is not None:
        raise Unavailable(why)
    stage.line("rmqsync: two real clusters, one repository")
    names = [f"{generation}-demo-{os.getpid()}" for generation in _SITES.values()]
    with _brokers(stage, names) as started:
        brokers = dict(zip(_SITES, started, strict=True))
        stage.environ = _environ(stage.folder) | secrets_for(brokers)
        tell(stage, brokers)
        stage.sum_up()
        stage.line()
        stage.line("Taking the clusters down.")
    return 0


@contextmanager
def _brokers(stage: Stage, names: Sequence[str]) -> Iterator[list[Broker]]:
    try:
        with stage.step("Two clusters of different generations"):
            stage.say(
                """Two real brokers are started on this machine, each as one site of a shop. The
                first time they are fetched from the machine's package mirror, which takes a minute
                or two."""
            )
            brokers = up_all(list(names))
            stage.line()
            for site, broker in zip(_SITES, brokers, strict=True):
                stage.note(f"{site:<9} RabbitMQ {broker.version:<8} {broker.management_url}")
        yield brokers
    finally:
        # a second Ctrl-C must not leave a broker behind
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for name in names:
            down(name)


def _environ(folder: Path) -> dict[str, str]:
    """Nothing of the user's own: no settings, no data folder, no variable that is an option."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RMQSYNC_")}
    kept.pop("COLUMNS", None)
    return kept | {"PYTHONPATH": str(_ROOT), "XDG_STATE_HOME": str(folder / "state")}


def _end(signum: int, frame: object) -> None:
    raise _Ended(signum)


if __name__ == "__main__":
    sys.exit(main())
