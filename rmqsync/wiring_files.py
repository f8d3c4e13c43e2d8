"""What reads files without applying them: `validate`, and the two sides of `diff`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rmqsync.app.diff import Side
from rmqsync.app.revision import RevisionReader
from rmqsync.loading.compile import LayerFile, Options, ParseCache, compile_layers
from rmqsync.loading.files import SourceFile
from rmqsync.model.counts import number_of
from rmqsync.model.definitions import count
from rmqsync.model.errors import InvalidDefinitions, UsageError
from rmqsync.model.findings import Finding
from rmqsync.repo.files import digest
from rmqsync.repo.local import read_bytes
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session


def side(opened: Session, text: str, cluster: str | None, options: RunOptions) -> Side:
    """Return one side of a `diff`: cluster:NAME, rev:REV or file:PATH."""
    sort, _, rest = text.partition(":")
    if sort == "cluster" and rest:
        return opened.broker(opened.settings.clusters[opened.name(rest)], options).read
    if sort == "rev" and rest:
        if cluster is None and len(opened.settings.clusters) > 1:
            raise UsageError(f"{text}: name with --cluster whose layers to compile")
        name = opened.name(cluster) if cluster else opened.names(())[0]
        settings = opened.settings.clusters[name]
        checkout = opened.checkout(settings, rest)
        loading = opened.loading(settings, options)
        return RevisionReader(name, checkout, settings.layers, loading).read
    return file_side(text, options)


def validate_clusters(opened: Session, options: RunOptions) -> tuple[tuple[Finding, ...], str]:
    """Return the findings of the definitions of all chosen clusters, and what was looked at."""
    findings: dict[Finding, None] = {}
    cache = ParseCache()
    names = opened.names(options.clusters)
    objects = 0
    for name in names:
        target = opened.target(name, options, offline=True)
        try:
            desired = compile_layers(target.files(), target.options, cache=cache)
            findings.update(dict.fromkeys(desired.findings))
            objects += count(desired.rows)
        except InvalidDefinitions as error:
            findings.update(dict.fromkeys(error.findings))
    return tuple(findings), f"{number_of(len(names), 'cluster')}, {number_of(objects, 'object')}"


def validate_paths(paths: Sequence[str], options: RunOptions) -> tuple[tuple[Finding, ...], str]:
    """Return the findings of folders and files, taken as the layers of one set."""
    from rmqsync.repo.checkout import FolderCheckout

    layers: list[tuple[str, Sequence[SourceFile]]] = []
    for path in paths:
        folder, name = (path, ".") if os.path.isdir(path) else os.path.split(path)
        if name == ".":
            files = FolderCheckout(folder).files(".")
            plain = [file._replace(path=os.path.normpath(file.path)) for file in files]
            layers.append((path, plain))
        else:
            content = read_bytes(path)
            layers.append((path, [LayerFile(path, content, digest(content))]))
    loading = Options(
        default_vhost=options.vhost,
        allow_plain_secrets=options.allow_plain_secrets,
        version=options.rabbitmq_version,
    )
    try:
        desired = compile_layers(layers, loading)
    except InvalidDefinitions as error:
        return error.findings, ""
    return (
        desired.findings,
        f"{number_of(len(paths), 'path')}, {number_of(count(desired.rows), 'object')}",
    )


def file_side(text: str, options: RunOptions) -> Side:
    """Return the side of a `diff` that is a broker's export, or a folder of definitions."""
    path = text.removeprefix("file:")
    if path == text or not path:
        raise UsageError(f"'{text}' is none of cluster:NAME, rev:REV and file:PATH")
    if not os.path.isdir(path):
        from rmqsync.broker.export_file import FileCluster

        return FileCluster(text, path).read
    from rmqsync.repo.checkout import FolderCheckout

    loading = Options(default_vhost=options.vhost, allow_plain_secrets=options.allow_plain_secrets)
    return RevisionReader(text, FolderCheckout(path), (".",), loading).read
