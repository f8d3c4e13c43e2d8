"""Settings that are written as they should be and cannot be used: found before the daemon runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rmqsync.daemon.notify import is_known
from rmqsync.model.errors import SourceError
from rmqsync.wiring import Session


def refuse_unusable(session: Session) -> None:
    """Raise `SourceError` that names all such settings, and no secret."""
    settings, read = session.settings, session.secrets.read_ref
    tokens = {k: read(v, f"token '{k}'") for k, v in settings.daemon.tokens.items()}
    found = list(_alike(tokens))
    for number, one in enumerate(settings.notify):
        if not is_known(read(one.url, f"notify[{number}].url")):
            found.append(
                f"notify[{number}].url: apprise knows no address such as the one in {one.url}; its "
                "documentation says how those of each service are written"
            )
    if found:
        raise SourceError("\n".join(f"{settings.file}: {one}" for one in found))


def _alike(tokens: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with tokens that nobody could tell apart, nor what they may do."""
    names: dict[str, list[str]] = {}
    for name, value in tokens.items():
        names.setdefault(value, []).append(f"daemon.tokens.{name}")
    for some in names.values():
        if len(some) > 1:
            yield f"{' and '.join(some)} have the same value; give each one of its own"
