"""The generations of RabbitMQ there are brokers of, and how a broker's name tells which."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of RabbitMQ, single or as a cluster."""

    name: str
    suite: str
    """Debian's suite that packages it."""
    image: str
    """The official image, for where a Docker engine answers."""
    at_least: tuple[int, int]
    below: tuple[int, int]
    """First series that is not this generation any more."""
    ram_nodes: tuple[bool, ...] = (False,)
    """One entry a node: whether it is a RAM node."""


GENERATIONS = {
    generation.name: generation
    for generation in (
        Generation("r310", "bookworm", "rabbitmq:3.10-management", (3, 10), (3, 11)),
        Generation("r40", "trixie", "rabbitmq:4.0-management", (4, 0), (4, 1)),
        # forky moves on until its release: what counts is that it is as new as 4.3 or newer
        Generation("r43", "forky", "rabbitmq:4-management", (4, 3), (5, 0)),
        Generation(
            "c310", "bookworm", "rabbitmq:3.10-management", (3, 10), (3, 11), (False, False, True)
        ),
    )
}

_NAME = re.compile(r"([a-z]+\d+)(-[a-z0-9][a-z0-9-]{0,39})?")


def generation_of(name: str) -> Generation:
    """The generation of the broker called `name`; raises ValueError for a name that has none."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in GENERATIONS:
        known = ", ".join(GENERATIONS)
        raise ValueError(
            f"broker '{name}': a name is GENERATION or GENERATION-SUFFIX, with one of {known}"
        )
    return GENERATIONS[match[1]]


def check_version(generation: Generation, version: str) -> None:
    """Refuse a broker of another generation: tests would prove something else than they say."""
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not generation.at_least <= found < generation.below:
        wanted = ".".join(str(part) for part in generation.at_least)
        raise RuntimeError(f"{generation.name} must be RabbitMQ {wanted} or so, is {version}")
