"""A code of a finding means one thing."""

import re
from collections import defaultdict
from pathlib import Path

import rmqsync

ROOT = Path(rmqsync.__file__).parent


def test_no_two_layers_give_the_same_code():
    layers = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        for code in re.findall(r"RMQ[0-9]{3}", path.read_text()):
            layers[code].add(path.relative_to(ROOT).parts[0])

    assert {code: found for code, found in layers.items() if len(found) > 1} == {}
