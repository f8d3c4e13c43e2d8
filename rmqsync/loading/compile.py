"""
From the layers of a cluster to its compiled set, with everything that is wrong in one go.

Files are parsed and checked one by one, taken apart (`flatten`), laid over each other (`merge`),
brought to normal form, and looked at as a whole. Whatever a broken file may still declare is not
reported as missing elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Entry, Kind
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.compiled import Compiled, Origins, WatchedContext, finding_at, was_asked
from rmqsync.loading.files import LayerFile, ParseCache, Source, SourceFile
from rmqsync.loading.left_out import cannot_be_absent, kinds_of_users, leave_out
from rmqsync.loading.live_check import check_for_cluster, still_true
from rmqsync.loading.merge import Merger, Retraction, Slot
from rmqsync.loading.options import Options
from rmqsync.loading.problems import as_finding, entry_misfits, problems_of
from rmqsync.loading.references import References
from rmqsync.loading.removed import collect_extra, collect_removed, still_declared
from rmqsync.loading.rows import completer, is_default, required_names
from rmqsync.loading.scope import Scope
from rmqsync.loading.secrets import secret_findings
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired, OnChangeRule
from rmqsync.model.errors import InvalidDefinitions
from rmqsync.model.findings import Finding
from rmqsync.model.values import Key, Row

__all__ = [
    "LayerFile",
    "Layers",
    "Options",
    "ParseCache",
    "check_for_cluster",
    "compile_layers",
    "still_true",
]

Layers = Sequence[tuple[str, Sequence[SourceFile]]]


def compile_layers(
    layers: Layers,
    options: Options | None = None,
    kinds: Registry = KINDS,
    cache: ParseCache | None = None,
) -> Desired:
    """
    Compile the files of all layers, later ones over earlier ones.

    Raises `InvalidDefinitions` with all findings of all files, warnings included, as soon as one of
    them is an error.
    """
    options = options or Options()
    work = _Compilation(options, kinds)
    work.read(layers, cache or ParseCache())
    compiled = work.compile()
    if not work.is_whole:
        work.findings = [one for one in work.findings if not work.follows_on(one)]
    if any(finding.is_error for finding in work.findings):
        raise InvalidDefinitions(dict.fromkeys(work.findings))
    compiled.findings = tuple(sorted(dict.fromkeys(work.findings), key=lambda f: f.order))
    return compiled


class _Compilation:
    def __init__(self, options: Options, kinds: Registry) -> None:
        self.options = options
        self.kinds = kinds
        self.findings: list[Finding] = []
        self.sources: list[Source] = []
        self.scope = Scope(options.scope_vhosts, options.scope_kinds)
        self.merger = Merger(kinds, options.default_vhost)
        self.compiled = Compiled({}, {}, tables=self.merger.tables)
        self.layer_of: dict[str, int] = {}
        """Number of the layer of each file."""
        self.broken: list[int] = []
        """Layers of the files that could not be read."""

    @property
    def is_whole(self) -> bool:
        """Whether every file could be read."""
        return not self.broken

    def follows_on(self, finding: Finding) -> bool:
        """Tell whether a finding may be there only since a file of an earlier layer is broken."""
        if finding.code not in codes.FOLLOW_ON or finding.source is None:
            return False
        return self.layer_of.get(finding.source.file, -1) > min(self.broken)

    def read(self, layers: Layers, cache: ParseCache) -> None:
        for number, (_, files) in enumerate(layers):
            for file in files:
                parsed = cache.get(file)
                self.findings += parsed.findings
                self.layer_of[file.path] = number
                if parsed.document is None:
                    self.broken.append(number)
                elif parsed.document.data is not None:
                    source = Source(parsed, number, self.options.vars, self.kinds)
                    self.findings += source.findings
                    self.sources.append(source)

    def collect(self) -> Compiled:
        """Return the rows that the files come to, whatever may be wrong with them."""
        for source in self.sources:
            self.merger.add_file(source)
        self.findings += self.merger.findings
        for kind in self.kinds:
            self._complete(kind)
        self.compiled.context = self._context()
        self._leave_out(self.compiled.context)
        return self.compiled

    def compile(self) -> Compiled:
        compiled, merger = self.collect(), self.merger
        context = compiled.context
        for kind in self.kinds:
            self.findings += self._judge(kind, context)
        if self.is_whole:
            references = References(compiled, merger, self.kinds, self.scope, self.sources)
            self.findings += references.findings()
        for kind in self.kinds:
            rows, table = compiled.rows[kind.name], merger.tables[kind.name]
            compiled.origins[kind.name] = Origins(rows, table)
        compiled.removed, findings = collect_removed(self.sources, self.kinds)
        self.findings += findings
        self.findings += still_declared(compiled.removed, compiled.rows, self.kinds)
        compiled.extra = collect_extra(self.sources)
        return compiled

    def _complete(self, kind: Kind) -> None:
        """Make rows of the entries of one kind."""
        complete = completer(kind)
        required = required_names(kind)
        rows: dict[Key, Row] = {}
        for key, slot in self.merger.tables[kind.name].items():
            entry = slot.entry
            if isinstance(entry, Retraction):
                if entry is Retraction.ABSENT:
                    self.compiled.absent.setdefault(kind.name, {})[key] = slot.origin
                continue
            if "on_change" in entry:
                rule = OnChangeRule(entry["on_change"])
                self.compiled.on_change[Ref(kind.name, key)] = rule
                entry = {name: value for name, value in entry.items() if name != "on_change"}
            if not required <= entry.keys():
                self._lacks(kind, key, slot, entry)
                continue
            try:
                rows[key] = complete(entry)
            except (TypeError, ValueError, AttributeError, KeyError):
                # Only what stands in the raw form has not passed the schema.
                self.merger.lost.add((kind.name, key))
                self.findings += entry_misfits(self.kinds, kind, key, slot, entry)
        self.compiled.rows[kind.name] = rows

    def _lacks(self, kind: Kind, key: Key, slot: Slot, entry: Entry) -> None:
        self.merger.lost.add((kind.name, key))
        for name in kind.missing(entry):
            message = f"{kind.sentence(key)} lacks '{name}', in all layers together"
            hint = f"add '{name}'"
            self.findings.append(finding_at(kind, key, slot, (), codes.MISSING, message, hint))

    def _context(self) -> Context:
        host = self.kinds.host
        rows = self.compiled.rows.get(host.name, {}) if host else {}
        types = {
            key[0]: row["default_queue_type"]
            for key, row in rows.items()
            if row.get("default_queue_type")
        }
        return Context(version=self.options.version, default_queue_types=types)

    def _leave_out(self, context: Context) -> None:
        own = self.options.own
        of_users = kinds_of_users(self.kinds, own) if own else ()
        for kind in self.kinds:
            rows, table = self.compiled.rows[kind.name], self.merger.tables[kind.name]
            mine = own if kind.name in of_users else None
            left_out = list(leave_out(kind, rows, table, context, mine))
            self.findings += () if self.options.is_backup else left_out
            absent = self.compiled.absent.get(kind.name, {})
            self.findings += cannot_be_absent(kind, absent, mine)

    def _judge(self, kind: Kind, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with the rows of one kind, each by itself and all together."""
        rows, table = self.compiled.rows[kind.name], self.merger.tables[kind.name]
        if not self.scope.everything:
            for key in (*rows, *self.compiled.absent.get(kind.name, ())):
                if not self.scope.covers(kind, key):
                    yield finding_at(
                        kind,
                        key,
                        table[key],
                        (),
                        codes.OUT_OF_SCOPE,
                        f"{kind.sentence(key)} is outside the scope of this cluster",
                        "take it out of the layers, or widen scope in rmqsync.yaml",
                    )
        yield from secret_findings(
            kind,
            rows,
            table,
            self.options,
            has_credentials=any(source.has_credentials for source in self.sources),
            has_references=any(source.has_secrets for source in self.sources),
        )
        watched = WatchedContext(context)
        yield from problems_of(kind, rows, table, watched)
        if was_asked(watched):
            self.compiled.asks_context.add(kind.name)
        if not is_default(kind, "check_all"):
            for key, problem in kind.check_all(self.compiled.rows, context):
                yield as_finding(kind, key, table[key], problem)


def compile_rows(
    layers: Layers,
    options: Options,
    kinds: Registry = KINDS,
    cache: ParseCache | None = None,
) -> Desired | None:
    """
    Compile what was applied once, without judging it: the rules may be stricter by now.

    `None` where a file cannot be read any more.
    """
    work = _Compilation(options, kinds)
    work.read(layers, cache or ParseCache())
    return work.collect() if work.is_whole else None
