"""`rmqsync hash-password`: a salted hash as RabbitMQ stores it."""

from __future__ import annotations

import sys

import click

from rmqsync.cli.output import out


@click.command("hash-password")
@click.option(
    "--algorithm",
    type=click.Choice(["sha256", "sha512", "md5"]),
    default="sha256",
    help="md5 is what RabbitMQ 3.5 and older used.",
)
def command(algorithm: str) -> None:
    """Hash a password that is typed, or read from stdin, for `password_hash` of a user."""
    import os

    from rmqsync.kinds.passwords import hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.read().removesuffix("\n")
    if not password:
        raise click.UsageError("the password is empty; nobody could log in with it")
    name = f"rabbit_password_hashing_{algorithm}"
    out(f"{hash_password(password, os.urandom(4), name)}\n")
