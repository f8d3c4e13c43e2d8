"""
Salted password hashes as the broker stores them, and how to tell whether a password is the one.

base64(salt ‖ digest), the salt being 4 bytes and the digest that of salt ‖ password in UTF-8
(rabbit_password.erl). Another algorithm is a module of somebody's own: nothing can be said then.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

SHA256 = "rabbit_password_hashing_sha256"
"""What the broker takes when none is given, unless it is configured otherwise."""

_DIGESTS = {
    SHA256: "sha256",
    "rabbit_password_hashing_sha512": "sha512",
    "rabbit_password_hashing_md5": "md5",
}
_SALT_BYTES = 4
ALGORITHMS = tuple(_DIGESTS)


def is_password(password: str, password_hash: str, algorithm: str) -> bool | None:
    """Tell whether `password` has this hash; `None` where it cannot be told."""
    name = _DIGESTS.get(algorithm)
    if name is None:
        return None
    try:
        raw = base64.b64decode(password_hash, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(raw, salted(password, raw[:_SALT_BYTES], name))


def salted(password: str, salt: bytes, digest: str) -> bytes:
    """Return salt ‖ digest."""
    text = password.encode("utf-8", "surrogatepass")
    return salt + hashlib.new(digest, salt + text, usedforsecurity=False).digest()


def hash_password(password: str, salt: bytes, algorithm: str = SHA256) -> str:
    """Return what the broker would store."""
    return base64.b64encode(salted(password, salt, _DIGESTS[algorithm])).decode()


def is_base64(text: str) -> bool:
    """Tell whether the broker takes `text` for a hash at all."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def is_hash(text: str, algorithm: str) -> bool | None:
    """Tell whether `text` is as long as a hash is; `None` where the algorithm is not known."""
    name = _DIGESTS.get(algorithm)
    if name is None:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _SALT_BYTES + hashlib.new(name, usedforsecurity=False).digest_size
