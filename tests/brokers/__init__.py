"""Real RabbitMQ of three generations, side by side on loopback, for tests, the demo and benchmarks.

    python -m tests.brokers up r310 r40 r43          # provisions what is missing, prints where they listen
    python -m tests.brokers up r40-mine --json       # a second, empty broker of the same generation
    python -m tests.brokers up c310                  # three nodes of 3.10, the third a RAM node
    python -m tests.brokers status
    python -m tests.brokers ctl r40 list_queues name # rabbitmqctl there
    python -m tests.brokers reset r40                # back to empty, in well under a second
    python -m tests.brokers down r40-mine            # or: down --all

From Python: `from tests.brokers import Broker, running, up, down`. `with running("r40-mine") as broker:` starts
an own broker and takes it down again; `lease("r40")` gives one that no other process leases at the same time.

Names are `GENERATION[-SUFFIX]`. The generations are Debian's own packages: 3.10 (bookworm), 4.0 (trixie), 4.3 or
later (forky), each in a root folder of its own made by debootstrap, so that the machine itself is left as it was. It takes
root, Debian's debootstrap (installed if need be) and namespaces; where a Docker engine answers, the official images serve
instead. Where neither is to be had `unavailable()` says why.

Environment: `RMQSYNC_BROKERS_CACHE` (root folders), `RMQSYNC_BROKERS_RUN` (running brokers), `RMQSYNC_BROKERS_MIRROR` (a Debian
mirror; else that of apt's sources). For the fixtures of `tests/conftest.py`: `RMQSYNC_BROKERS_KEEP=1` leaves brokers running,
`RMQSYNC_REQUIRE_BROKERS=1` makes it a failure that there are none.
"""

from tests.brokers.broker import Broker, Node, Tls
from tests.brokers.engine import Unavailable, unavailable
from tests.brokers.lifecycle import down, lease, running, status, up

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
