"""
The commits behind a checkout: whether one is ahead of another, and what an earlier one held.

What was applied may be in no branch any more, after a squash, a rebase or a force push: any commit
with the same files does as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rmqsync.model.errors import InvalidDefinitions, SourceError, SourceUnavailable
from rmqsync.repo.checkout import RevisionCheckout
from rmqsync.repo.repository import Repository

SEARCHED = 300
"""So many commits are looked through for one with the same files."""


class GitPast:
    """Fits `app.ports.Past`."""

    def __init__(
        self, repository: Repository, commit: str, fetch: Callable[[str], None] | None = None
    ) -> None:
        """
        `fetch` gets a commit that no branch holds; raises `SourceError` where it cannot.

        `SourceUnavailable` says that nobody knows yet whether it can.
        """
        self._repository = repository
        self._commit = commit
        self._fetch = fetch

    @property
    def root_commit(self) -> str | None:
        return self._repository.root_commit(self._commit)

    def descends_from(self, commit: str, *, at_hand: bool = False) -> bool | None:
        if commit == self._commit:
            return True
        try:
            known = self._repository.find_commit(commit) is not None
            if not known and (at_hand or not self._has(commit)):
                return None
        except SourceUnavailable:
            return None
        if self._repository.is_ancestor(commit, self._commit):
            return True
        return None if self._repository.is_shallow else False

    def with_tree(
        self, tree: str, base: str, layers: Sequence[str], commit: str | None
    ) -> RevisionCheckout | None:
        for one in self._candidates(commit, base):
            found = RevisionCheckout(self._repository.at_root, one, base or ".")
            try:
                if found.tree(layers) == tree:
                    return found
            except SourceUnavailable:
                raise
            except (SourceError, InvalidDefinitions):
                continue  # it has no such layers
        return None

    def _candidates(self, commit: str | None, base: str) -> Iterator[str]:
        """Yield a commit, then others; what kept the first from being got is raised at the end."""
        away, is_here = None, False
        try:
            is_here = commit is not None and self._has(commit)
        except SourceUnavailable as problem:
            away = problem
        if commit is not None and is_here:
            yield commit
        for one in self._repository.commits(self._commit, base, SEARCHED):
            if one != commit:
                yield one
        if away is not None:
            raise away

    def _has(self, commit: str) -> bool:
        if self._repository.find_commit(commit) is not None:
            return True
        if self._fetch is None:
            return False
        try:
            self._fetch(commit)
        except SourceUnavailable:
            raise
        except SourceError:
            return False
        return self._repository.find_commit(commit) is not None
