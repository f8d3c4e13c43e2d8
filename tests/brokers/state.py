"""What is known of a running broker (names, ports, credentials), kept as JSON in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from tests.brokers.engine import Engine
from tests.brokers.generations import Generation, generation_of

STATE_FILE = "broker.json"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a broker."""

    name: str
    """Erlang node name, `r40@localhost`."""
    folder: str
    """Its folder inside the broker's."""
    management_port: int
    amqp_port: int
    dist_port: int
    is_ram: bool = False

    @property
    def management_url(self) -> str:
        """Address of its management API, without `/api`."""
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def amqp_url(self) -> str:
        """Its AMQP address, without user and vhost."""
        return f"amqp://127.0.0.1:{self.amqp_port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS listeners of the first node, which ask for a client certificate; the files are PEM."""

    management_tls_port: int
    amqps_port: int
    ca: Path
    cert: Path
    """Client certificate."""
    key: Path
    """Its key."""

    @property
    def management_url(self) -> str:
        """Address of the management API over TLS; the certificate is for 127.0.0.1 too."""
        return f"https://localhost:{self.management_tls_port}"

    @property
    def amqps_url(self) -> str:
        """Its AMQP address over TLS."""
        return f"amqps://localhost:{self.amqps_port}"


@dataclass(frozen=True, slots=True)
class BrokerState:
    """A broker as data; `Broker` adds what one can do to it."""

    name: str
    engine: Engine
    version: str
    """As the broker tells it; empty until it has started."""
    folder: Path
    username: str
    """An administrator, the only user of a fresh broker."""
    password: str
    epmd_port: int
    nodes: tuple[Node, ...]
    tls: Tls
    empty: dict[str, Any]
    """What the broker holds when it holds nothing of a user's."""

    @property
    def generation(self) -> Generation:
        """What it is one of."""
        return generation_of(self.name)

    @property
    def management_url(self) -> str:
        """Address of the first node's management API, without `/api`."""
        return self.nodes[0].management_url

    @property
    def amqp_url(self) -> str:
        """The first node's AMQP address, without user and vhost."""
        return self.nodes[0].amqp_url

    def amqp_uri(self, vhost: str = "/", node: int = 0) -> str:
        """AMQP address with user, password and vhost, for a client, an upstream or a shovel."""
        port = self.nodes[node].amqp_port
        user = f"{quote(self.username)}:{quote(self.password)}"
        return f"amqp://{user}@127.0.0.1:{port}/{quote(vhost, safe='')}"

    def ports(self) -> set[int]:
        """All ports that are this broker's, whether its nodes run or not."""
        ports = {self.epmd_port, self.tls.management_tls_port, self.tls.amqps_port}
        for node in self.nodes:
            ports |= {node.management_port, node.amqp_port, node.dist_port}
        return ports

    def pid_file(self, node: Node) -> Path:
        """File that tells the process of `node`."""
        return self.folder / node.folder / "pid"

    def epmd_pid_file(self) -> Path:
        """File that tells the process of the broker's own port mapper."""
        return self.folder / "epmd.pid"

    def to_json(self) -> dict[str, Any]:
        """Plain data for a file or a reader."""
        told = asdict(self) | {"engine": self.engine.value, "folder": str(self.folder)}
        told["generation"] = self.generation.name
        told["management_url"] = self.management_url
        told["amqp_url"] = self.amqp_url
        told["tls"] |= {name: str(told["tls"][name]) for name in ("ca", "cert", "key")}
        return told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """The broker that `to_json` told of."""
        tls = told["tls"]
        files = {name: Path(tls[name]) for name in ("ca", "cert", "key")}
        return cls(
            name=told["name"],
            engine=Engine(told["engine"]),
            version=told["version"],
            folder=Path(told["folder"]),
            username=told["username"],
            password=told["password"],
            epmd_port=told["epmd_port"],
            nodes=tuple(Node(**node) for node in told["nodes"]),
            tls=Tls(tls["management_tls_port"], tls["amqps_port"], **files),
            empty=told["empty"],
        )

    def save(self) -> None:
        """Write the state file; it is there whole or not at all."""
        written = self.folder / f"{STATE_FILE}.new"
        written.touch(mode=0o600)
        written.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        written.rename(self.folder / STATE_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The broker in `folder`; None when there is none."""
        try:
            return cls.from_json(json.loads((folder / STATE_FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
