"""Real RabbitMQ of three generations, side by side on loopback: for tests, the demo, benchmarks.

    python -m tests.brokers up r310 r40 r43      # provisions what is missing, too
    python -m tests.brokers up r40-mine --json   # a second, empty broker of the same generation
    python -m tests.brokers up c310              # three nodes of 3.10, the third a RAM node
    python -m tests.brokers status
    python -m tests.brokers ctl r40 list_queues  # rabbitmqctl there
    python -m tests.brokers reset r40-mine       # back to empty, in well under a second
    python -m tests.brokers down r40-mine        # or: down --all

From Python: `with running("r40-mine") as broker:` starts a broker of one's own and takes it down
again; `lease("r40")` gives one that no other process leases meanwhile. Tests use the fixtures of
`tests/conftest.py`, which lease: `r310`, `r40`, `r43`, `c310`, and so on are theirs to empty, so
whoever keeps something in a broker names it with a suffix of his own.

Names are `GENERATION[-SUFFIX]`. The generations are Debian's own packages: 3.10 (bookworm), 4.0
(trixie), 4.3 or later (forky), each in a root folder made by debootstrap, so that the machine is
left as it was. That takes root and Debian's debootstrap, which is installed if it lacks. Where a
Docker engine answers, the official images serve instead. Where neither is to be had,
`unavailable()` says why.

Environment: `RMQSYNC_BROKERS_CACHE` (root folders), `RMQSYNC_BROKERS_RUN` (running brokers),
`RMQSYNC_BROKERS_MIRROR` (a Debian mirror; else the one in apt's sources). For the fixtures:
`RMQSYNC_BROKERS_KEEP=1` leaves brokers running, and with `RMQSYNC_REQUIRE_BROKERS=1` it is a
failure that there are none.
"""

from tests.brokers.broker import Broker, Node, Tls
from tests.brokers.engine import unavailable
from tests.brokers.lifecycle import down, lease, running, status, up
from tests.brokers.roots import Unavailable

__all__ = [
    "Broker",
    "Node",
    "Tls",
    "Unavailable",
    "down",
    "lease",
    "running",
    "status",
    "unavailable",
    "up",
]
