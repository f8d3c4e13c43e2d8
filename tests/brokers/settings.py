"""What a node is started with: its `rabbitmq.conf`, its plugins, its environment.

Settings are the broker's defaults but for what lets many small brokers share one machine. The
default user is an administrator with a password of its own: a fresh broker holds no `guest`.
"""

from collections.abc import Sequence

from tests.brokers.engine import base_env
from tests.brokers.state import BrokerState, Node

PLUGINS = (
    "rabbitmq_management",
    "rabbitmq_federation",
    "rabbitmq_federation_management",
    "rabbitmq_shovel",
    "rabbitmq_shovel_management",
    "rabbitmq_sharding",
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
)

_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
# two schedulers that sleep when idle: the default spins, and takes a core from the tests
_FRUGAL = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"


def enabled_plugins() -> str:
    """The content of the enabled plugins file."""
    return f"[{','.join(PLUGINS)}].\n"


def configuration(broker: BrokerState, node: Node) -> str:
    """The content of `rabbitmq.conf` of `node`."""
    lines = [
        f"listeners.tcp.1 = 127.0.0.1:{node.amqp_port}",
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {node.management_port}",
        f"default_user = {broker.username}",
        f"default_pass = {broker.password}",
        "default_user_tags.administrator = true",
        "vm_memory_high_watermark.absolute = 1GB",
        "disk_free_limit.absolute = 50MB",
        # one second, not five: tests that wait for statistics are five times as fast
        "collect_statistics_interval = 1000",
    ]
    if node == broker.nodes[0]:
        lines += _tls(broker)
    if len(broker.nodes) > 1:
        lines += _cluster(broker.nodes, node)
    return "\n".join(lines) + "\n"


def node_env(broker: BrokerState, node: Node) -> dict[str, str]:
    """The environment `rabbitmq-server` is started with."""
    home = f"/srv/{node.folder}"
    return client_env(broker, node) | {
        "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
        "RABBITMQ_MNESIA_BASE": f"{home}/data",
        "RABBITMQ_LOG_BASE": f"{home}/log",
        "RABBITMQ_GENERATED_CONFIG_DIR": f"{home}/config",
        # to the console, which is begun anew at each start: so a restart's own lines can be told
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_DIST_PORT": str(node.dist_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_FRUGAL} {_LOOPBACK}",
        # else the script stays in front of the server it starts, and a signal reaches both
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def client_env(broker: BrokerState, node: Node) -> dict[str, str]:
    """The environment of `rabbitmqctl` and its like, aimed at `node`."""
    return base_env() | {
        "RABBITMQ_NODENAME": node.name,
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK,
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(broker.epmd_port),
    }


def _tls(broker: BrokerState) -> list[str]:
    """TLS listeners that take nobody without a certificate of our authority."""
    options = {
        "cacertfile": "/srv/tls/ca.pem",
        "certfile": "/srv/tls/server.pem",
        "keyfile": "/srv/tls/server.key",
        "verify": "verify_peer",
        "fail_if_no_peer_cert": "true",
    }
    lines = [
        f"listeners.ssl.1 = 127.0.0.1:{broker.tls.amqps_port}",
        "management.ssl.ip = 127.0.0.1",
        f"management.ssl.port = {broker.tls.management_tls_port}",
    ]
    for section in ("ssl_options", "management.ssl"):
        lines += [f"{section}.{name} = {value}" for name, value in options.items()]
    return lines


def _cluster(nodes: Sequence[Node], node: Node) -> list[str]:
    lines = ["cluster_formation.peer_discovery_backend = classic_config"]
    lines += [
        f"cluster_formation.classic_config.nodes.{number} = {peer.name}"
        for number, peer in enumerate(nodes, start=1)
    ]
    if node.is_ram:
        lines.append("cluster_formation.node_type = ram")
    return lines
