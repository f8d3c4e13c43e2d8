"""What is generated for benchmarks has the size asked for, is valid, and says the same twice."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from bench.generate import LAYERS, Generated, generate
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import LayerFile, compile_layers
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.definitions import Desired
from rmqsync.planning.compare import compare


@pytest.fixture(scope="module")
def small() -> Generated:
    return generate(1000)


def _compiled(made: Generated) -> Desired:
    layers = []
    for layer in LAYERS:
        files = [
            LayerFile(path, text.encode(), hashlib.sha1(text.encode()).hexdigest())
            for path, text in sorted(made.files.items())
            if path.startswith(f"{layer}/")
        ]
        layers.append((layer, files))
    return compile_layers(layers)


@pytest.mark.parametrize("objects", [100, 1000, 10_000])
def test_there_are_as_many_queues_and_bindings_as_asked_for(objects: int) -> None:
    made = generate(objects)

    queues, bindings = len(made.document["queues"]), len(made.document["bindings"])

    assert (queues, bindings) == (objects // 5, objects * 4 // 5)


def test_files_hold_about_five_hundred_objects_at_ten_thousand() -> None:
    made = generate(10_000)

    counts = [text.count("source: ex.") for path, text in made.files.items() if "/ex" not in path]

    assert 300 <= max(counts) <= 500


def test_every_file_is_in_a_layer(small: Generated) -> None:
    assert all(path.startswith(LAYERS) for path in small.files)


def test_the_files_compile_to_the_document_without_a_finding(small: Generated) -> None:
    desired = _compiled(small)

    found = compare(desired.rows, rows_of_export(small.document), Context())

    assert desired.findings == ()
    assert found.is_equal
    assert found.unchanged == small.objects


def test_the_second_layer_changes_what_the_first_says(small: Generated) -> None:
    overridden = [queue for queue in small.document["queues"] if _length(queue) == 50_000]

    assert len(overridden) == len(small.document["queues"]) // 20


def _length(queue: dict[str, dict[str, int]]) -> int | None:
    return queue["arguments"].get("x-max-length")


def test_the_same_size_gives_the_same_files() -> None:
    assert generate(500).files == generate(500).files


def test_the_text_is_what_other_parsers_read_too(small: Generated) -> None:
    path = next(path for path in small.files if path.endswith("/order.yaml"))

    data = yaml.safe_load(small.files[path])

    assert data["exchanges"][0] == {"name": "ex.order.topic", "type": "topic"}
    assert data["bindings"][0] == {
        "source": "ex.order.topic",
        "destination": "qu.order.crm.0000",
        "routing_key": "order.#",
    }
