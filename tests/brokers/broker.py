"""A running broker, and what one can do to it."""

from dataclasses import dataclass

from tests.brokers import nodes, processes
from tests.brokers.management import Management
from tests.brokers.state import BrokerState, Node, Tls
from tests.brokers.wipe import LOG_EXCHANGE, wipe

__all__ = ["Broker", "Node", "Tls"]


@dataclass(frozen=True, slots=True)
class Broker(BrokerState):
    """A running broker of one generation, with one node or several."""

    def rabbitmqctl(self, *arguments: str, node: int = 0) -> str:
        """What `rabbitmqctl ARGUMENTS` prints about a node; slower than the API, so prefer that."""
        return self.tool("rabbitmqctl", *arguments, node=node)

    def tool(self, tool: str, *arguments: str, node: int = 0) -> str:
        """What another of RabbitMQ's tools prints: `rabbitmq-diagnostics`, `rabbitmq-queues` …"""
        return nodes.run_tool(self, self.nodes[node], tool, *arguments)

    def start_node(self, node: int) -> None:
        """Start a node that was stopped or killed, with the data it had; returns when it serves."""
        nodes.start_node(self, self.nodes[node])
        nodes.wait_until_ready(self, self.nodes[node])

    def stop_node(self, node: int) -> None:
        """Stop a node in good order."""
        nodes.stop_node(self, self.nodes[node])

    def kill_node(self, node: int) -> None:
        """End a node without notice, as a crash would."""
        nodes.kill_node(self, self.nodes[node])

    def start_missing_nodes(self) -> None:
        """Start the nodes that do not run."""
        for number, node in enumerate(self.nodes):
            if not processes.is_alive(self.pid_file(node)):
                self.start_node(number)

    def is_healthy(self) -> bool:
        """Whether all its nodes run and answer."""
        return nodes.is_healthy(self)

    def management(self, node: int = 0) -> Management:
        """A plain client of a node's management API, for tests to arrange and to look with."""
        port = self.nodes[node].management_port
        return Management(port, self.username, self.password)

    def reset(self) -> None:
        """Empty it: back to the vhost `/` with nothing in it, our user, the broker's own settings.

        Feature flags stay enabled, and what runs outside the broker's definitions stays.
        """
        with self.management() as api:
            wipe(api, self.username, self.empty)
            found = [exchange["name"] for exchange in api.get("exchanges", "/")]
        if LOG_EXCHANGE in self.empty["vhost"]["exchanges"] and LOG_EXCHANGE not in found:
            self.rabbitmqctl("eval", "rabbit_logger_exchange_h:declare_exchange().")
