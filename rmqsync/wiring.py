"""
Builds adapters from settings and hands use cases to the command line and the daemon.

The only place that knows both sides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from rmqsync.adapters import BrokenAccess, amqp_of, broker_of, checkout_of, settings_of
from rmqsync.app.memory import Memory
from rmqsync.app.plan import Target
from rmqsync.app.ports import Broker, Checkout
from rmqsync.app.revision import RevisionReader, Unusable
from rmqsync.config.cluster import ClusterSettings, Mode, Prune
from rmqsync.config.settings import Settings
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context, UnsetSecret
from rmqsync.loading.compile import LayerFile, Options
from rmqsync.model.address import Pattern
from rmqsync.model.definitions import Rows
from rmqsync.model.errors import SourceError, UsageError
from rmqsync.repo.compiled_store import CompiledFolder
from rmqsync.repo.files import digest
from rmqsync.repo.local import data_folder, read_bytes
from rmqsync.repo.secrets import SecretStore
from rmqsync.run_options import RunOptions, claim_of, rules_of

if TYPE_CHECKING:
    from rmqsync.broker.client import Sent

DEFAULT_CONFIG = "rmqsync.yaml"


class Session:
    """One run of the program: settings, secrets and open connections. Close it at the end."""

    def __init__(
        self,
        config: str | None,
        data_dir: str | None,
        environ: Mapping[str, str],
        *,
        from_root: bool = False,
        observe: Callable[[str, Sent], None] | None = None,
    ) -> None:
        """
        `from_root` shows paths from the root of their repository, as forges know them.

        `observe` is told of each request to a broker, with the name of the cluster.
        """
        self._observe = observe
        self._config = config or DEFAULT_CONFIG
        self._from_root = from_root
        self._data_dir = data_dir
        self._environ = environ
        if config is None and not os.path.exists(self._config):
            raise SourceError(
                f"there is no {DEFAULT_CONFIG} here; go to its folder, or name it with --config"
            )
        self.settings: Settings = settings_of(self._config, from_root)
        self.secrets = SecretStore(self.settings.secrets, environ)
        self._compiled = CompiledFolder(lambda: self.data_dir)
        self.memory = Memory(self._compiled)
        """What plans leave for each other, and for the next process."""
        self._open: list[Broker] = []
        self._checkouts: dict[tuple[object, ...], Checkout] = {}

    def close(self) -> None:
        for broker in self._open:
            broker.close()

    def drop(self, broker: Broker) -> None:
        """Close one connection that is not used any more."""
        if broker in self._open:
            self._open.remove(broker)
            broker.close()

    @property
    def data_dir(self) -> str:
        chosen = self._data_dir or self.settings.daemon.data_dir
        sources = [self.settings.source, *(c.source for c in self.settings.clusters.values())]
        return data_folder(chosen, self._environ, [s.path for s in sources if s.git is None])

    def names(self, chosen: Iterable[str]) -> list[str]:
        """Return the names of clusters; raises `UsageError` for one that is not in the settings."""
        known = list(self.settings.clusters)
        if not known:
            raise SourceError(f"{self._config} has no clusters")
        patterns = list(chosen)
        if not patterns:
            return known
        from rmqsync.text.nearest import did_you_mean

        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in known):
                hint = did_you_mean(pattern, known) or f"there are {', '.join(known)}"
                raise UsageError(f"{self._config} has no cluster '{pattern}'; {hint}")
        return [name for name in known if any(fnmatchcase(name, p) for p in patterns)]

    def name(self, chosen: str) -> str:
        """Return the name of exactly one cluster; raises `UsageError` as `names` does."""
        found = self.names([chosen])
        if len(found) > 1:
            raise UsageError(f"'{chosen}' means several clusters: {', '.join(found)}")
        return found[0]

    def targets(self, options: RunOptions) -> list[Target]:
        """Return the chosen clusters, ready to be planned."""
        return [self._reachable(name, options) for name in self.names(options.clusters)]

    def _reachable(self, name: str, options: RunOptions) -> Target:
        """Return a cluster; one whose password or certificates cannot be read fails by itself."""
        try:
            return self.target(name, options)
        except BrokenAccess as error:
            target = self.target(name, options, offline=True)
            return replace(target, reader=Unusable(name, str(error)), writable=True)

    def target(
        self,
        name: str,
        options: RunOptions,
        *,
        offline: bool = False,
        checkout: Checkout | None = None,
    ) -> Target:
        """
        Return one cluster; `offline`, it reads its own definitions instead of the broker.

        `checkout` is what to read the definitions from, if not what the settings say.
        """
        cluster = self.settings.clusters[name]
        loading = self.loading(cluster, options)
        checkout = checkout or self.checkout(cluster, options.revision)
        layers = cluster.layers
        if options.backup is not None:
            from rmqsync.app.backup_checkout import LAYER, BackupCheckout

            content = read_bytes(options.backup)
            file = LayerFile(options.backup, content, digest(content))
            checkout, layers = BackupCheckout(file, checkout.past), (LAYER,)
            loading = replace(loading, allow_plain_secrets=True, is_backup=True)
        context = Context(version=options.rabbitmq_version, secret=self.secrets.value)
        rules = rules_of(cluster, options)
        reader: Broker
        if offline:
            reader = RevisionReader(name, checkout, cluster.layers, loading)
        elif options.base is None:
            reader = self.broker(cluster, options)
        else:
            base = self.checkout(cluster, options.base)
            reader = RevisionReader(name, base, cluster.layers, loading, base=options.base)
            # What the base declares and the head does not is what a merge takes away.
            prune = cluster.prune if cluster.prune is Prune.NEVER else Prune.ALL
            rules = replace(rules, prune=prune, prune_kinds=frozenset(KINDS.names))
            context = replace(context, secret=lambda _: None)
        signers = cluster.source.trusted_signers
        writable = options.base is None and cluster.snapshot is None and cluster.mode is Mode.APPLY
        return Target(
            name,
            reader,
            checkout,
            layers,
            loading,
            rules,
            context,
            writable,
            amqp=amqp_of(cluster, reader, options, self.secrets)
            if writable and not offline
            else None,
            lock_required=cluster.lock.required,
            trusted_signers=None if signers is None else signers.file,
            approvals=options.approvals if writable and not offline else None,
            knows_secrets=options.base is None,
            missing=self.secrets.missing,
            claim=None
            if offline or options.base is not None
            else claim_of(cluster, options, self._compiled),
        )

    def checkout(self, cluster: ClusterSettings, revision: str | None) -> Checkout:
        """Return where the definitions of a cluster are read from. Made once for equal sources."""
        source = cluster.source
        key = (source, cluster.layers if source.git is None and revision is None else (), revision)
        if key not in self._checkouts:
            self._checkouts[key] = checkout_of(
                cluster, revision, lambda: self.data_dir, self.secrets, from_root=self._from_root
            )
        return self._checkouts[key]

    def broker(self, cluster: ClusterSettings, options: RunOptions) -> Broker:
        """Return the cluster itself, or the file that stands for it."""
        observe = None if self._observe is None else partial(self._observe, cluster.name)
        broker = broker_of(cluster, options, self.secrets, self._secret_values, observe)
        if cluster.snapshot is None:
            self._open.append(broker)
        return broker

    def with_secrets(self, rows: Rows) -> Rows:
        """Return rows with the values of their secrets; raises `SourceError` for one without."""
        context = Context(secret=self.secrets.value)
        try:
            return {
                kind: {key: context.resolve(row) for key, row in found.items()}
                if KINDS[kind].holds_secrets
                else found
                for kind, found in rows.items()
            }
        except UnsetSecret as error:
            raise SourceError(self.secrets.missing(str(error))) from error

    def _secret_values(self) -> Iterable[str]:
        values = (self.secrets.value(name) for name in self.settings.secrets)
        return [value for value in values if value]

    def loading(self, cluster: ClusterSettings, options: RunOptions) -> Options:
        """Return what the settings of a cluster say about loading its definitions."""
        return Options(
            vars=cluster.vars,
            default_vhost=options.vhost,
            allow_plain_secrets=options.allow_plain_secrets,
            version=options.rabbitmq_version,
            secrets={
                name: tuple(Pattern(text) for text in source.patterns)
                for name, source in self.settings.secrets.items()
            },
            scope_vhosts=cluster.scope.vhosts,
            scope_kinds=cluster.scope.kinds,
            own_user=cluster.username,
        )
