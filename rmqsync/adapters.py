"""Makes adapters from settings: the cluster over HTTP and AMQP, and the definitions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rmqsync.app.ports import Amqp, Broker, Checkout
from rmqsync.config.cluster import ClusterSettings
from rmqsync.config.read import read_settings
from rmqsync.config.settings import Settings
from rmqsync.kinds import KINDS
from rmqsync.model.errors import SourceError
from rmqsync.repo.local import read_bytes
from rmqsync.repo.secrets import SecretStore
from rmqsync.run_options import RunOptions

if TYPE_CHECKING:
    from rmqsync.broker.client import Sent


class BrokenAccess(SourceError):
    """What a cluster is reached with cannot be read; other clusters are none the worse for it."""


def broker_of(
    cluster: ClusterSettings,
    options: RunOptions,
    secrets: SecretStore,
    values: Callable[[], Iterable[str]],
    observe: Callable[[Sent], None] | None,
) -> Broker:
    """
    Return the cluster itself, or the file that stands for it.

    `values` are those of all secrets, which no error may show. Raises `BrokenAccess`.
    """
    if cluster.snapshot is not None:
        from rmqsync.broker.export_file import FileCluster

        return FileCluster(cluster.name, cluster.snapshot)
    from rmqsync.broker.cluster import ManagementApi
    from rmqsync.broker.connection import ClusterConnection, TlsFiles

    assert cluster.username is not None
    assert cluster.password is not None
    what = f"cluster '{cluster.name}': password"
    try:
        password = secrets.read_ref(cluster.password, what)
    except SourceError as error:
        raise BrokenAccess(str(error)) from error
    tls = cluster.tls
    return ManagementApi(
        ClusterConnection(
            name=cluster.name,
            endpoints=cluster.endpoints,
            username=cluster.username,
            password=password,
            password_from=str(cluster.password),
            tls=TlsFiles(ca=tls.ca, cert=tls.cert, key=tls.key, verify=tls.verify),
            timeout_s=options.timeout_s,
            parallelism=options.parallelism,
            secrets=values,
        ),
        observe=observe,
    )


def amqp_of(
    cluster: ClusterSettings, reader: Broker, options: RunOptions, secrets: SecretStore
) -> Amqp | None:
    """Return the cluster over AMQP; `None` where the settings have no address."""
    if not cluster.amqp:
        return None
    from rmqsync.broker.amqp import Amqp as Adapter
    from rmqsync.broker.amqp import AmqpConnection
    from rmqsync.broker.connection import TlsFiles

    what, tls = f"cluster '{cluster.name}'", cluster.tls

    def connection() -> AmqpConnection:
        assert cluster.username is not None
        assert cluster.password is not None
        urls = [
            url if isinstance(url, str) else secrets.read_ref(url, f"{what}: amqp")
            for url in cluster.amqp
        ]
        return AmqpConnection(
            name=cluster.name,
            urls=tuple(urls),
            username=cluster.username,
            password=secrets.read_ref(cluster.password, f"{what}: password"),
            tls=TlsFiles(ca=tls.ca, cert=tls.cert, key=tls.key, verify=tls.verify),
            lock_vhost=cluster.lock.vhost,
            timeout_s=options.timeout_s,
        )

    return Adapter(connection, reader.get)


def checkout_of(
    cluster: ClusterSettings,
    revision: str | None,
    data_dir: Callable[[], str],
    secrets: SecretStore,
    *,
    from_root: bool,
) -> Checkout:
    """Return where the definitions of a cluster are read from; from git they are fetched."""
    from rmqsync.repo.checkout import FolderCheckout, RevisionCheckout

    source = cluster.source
    if source.git is not None:
        from rmqsync.repo.mirror import Mirror

        mirror = Mirror(source, data_dir(), secrets.read_ref)
        mirror.fetch(revision if revision and len(revision) == 40 else None)
        return mirror.checkout(revision)
    if revision is None:
        shown_from = root_of(source.path) if from_root else None
        return FolderCheckout(source.path, cluster.layers, shown_from)
    return RevisionCheckout(source.path, revision)


def settings_of(config: str, from_root: bool) -> Settings:
    """Read the settings; `from_root` shows paths from the root of their repository."""
    root = root_of(os.path.dirname(config) or ".") if from_root else None
    if root is None:
        return read_settings(config, read_bytes, os.getcwd(), KINDS.names)
    folder = os.path.realpath(os.path.dirname(config))
    shown = os.path.relpath(os.path.join(folder, os.path.basename(config)), root)

    def read(path: str) -> bytes:
        return read_bytes(os.path.relpath(os.path.join(root, path)))

    return read_settings(shown, read, root, KINDS.names)


def root_of(folder: str) -> str | None:
    """Return the root of the repository that a folder is in; `None` for none."""
    from rmqsync.repo import repository

    found = repository.find(folder) if os.path.isdir(folder) else None
    return found[0] if found else None
