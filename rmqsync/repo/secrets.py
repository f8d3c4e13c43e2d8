"""Reads secrets from the environment and from files. Their values appear in no message."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rmqsync.config.secrets import SecretRef, SecretSource
from rmqsync.model.errors import SourceError
from rmqsync.repo.local import reason

_MOST_BYTES = 1_000_000


class SecretStore:
    """
    The secrets that definitions may name, and those of the settings themselves.

    Each is read once. Relative paths start from `base_dir`.
    """

    def __init__(
        self, secrets: Mapping[str, SecretSource], environ: Mapping[str, str], base_dir: str = ""
    ) -> None:
        self._secrets = secrets
        self._environ = environ
        self._base_dir = base_dir
        self._values: dict[str, str | None] = {}

    def known(self, name: str) -> bool:
        return name in self._secrets

    def patterns(self, name: str) -> tuple[str, ...]:
        """Return the addresses that may use a secret, as patterns; none for an unknown one."""
        return self._secrets[name].patterns if name in self._secrets else ()

    def allowed(self, name: str, address: str) -> bool:
        """Tell whether the object at `address` may use the secret `name`."""
        return name in self._secrets and self._secrets[name].allows(address)

    def value(self, name: str) -> str | None:
        """
        Return a secret; `None` where it is unknown, unset, empty, or its file does not exist.

        Raises `SourceError` for a file that is there and cannot be read.
        """
        if name not in self._secrets:
            return None
        if name not in self._values:
            self._values[name] = self._read(self._secrets[name], f"secret '{name}'") or None
        return self._values[name]

    def forget(self) -> None:
        """Read values again when they are next asked for: they may have been rotated."""
        self._values = {}

    def missing(self, name: str) -> str:
        """Return why `value` is `None`, as a sentence for people."""
        if name not in self._secrets:
            return f"secret '{name}' is not in the settings"
        return _absent(f"secret '{name}'", self._secrets[name], self._found(self._secrets[name]))

    def read_ref(self, ref: SecretRef, what: str) -> str:
        """
        Return the value of a reference in the settings.

        `what` begins the message, as in `cluster 'x': password`. Raises `SourceError` where there
        is no value.
        """
        value = self._read(ref, what)
        if not value:
            raise SourceError(_absent(what, ref, value is not None))
        return value

    def _found(self, ref: SecretRef) -> bool:
        if ref.env is not None:
            return ref.env in self._environ
        return os.path.lexists(self._path(ref))

    def _path(self, ref: SecretRef) -> str:
        assert ref.file is not None
        return os.path.join(self._base_dir, ref.file)

    def _read(self, ref: SecretRef, what: str) -> str | None:
        if ref.env is not None:
            return self._environ.get(ref.env)
        path = self._path(ref)
        try:
            with open(path, "rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise SourceError(
                f"{what}: file '{path}' cannot be read: {reason(problem)}"
            ) from problem
        if len(content) > _MOST_BYTES:
            raise SourceError(f"{what}: file '{path}' is longer than {_MOST_BYTES} bytes")
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise SourceError(f"{what}: file '{path}' is not UTF-8 text") from None
        return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _absent(what: str, ref: SecretRef, is_found: bool) -> str:
    if is_found:
        return f"{what}: {ref} is empty"
    return f"{what}: {ref} {'does not exist' if ref.env is None else 'is not set'}"
