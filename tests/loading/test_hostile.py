"""Whatever a repository holds ends in definitions or in findings, in bounded memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.loading.compile import Options, compile_layers
from rmqsync.model.errors import InvalidDefinitions
from rmqsync.model.findings import Finding
from tests.loading.files import file as source_file

EXAMPLES = sorted(
    path.read_bytes()
    for path in (Path(__file__).parents[2] / "examples" / "definitions").rglob("*.yaml")
)
FRAGMENTS = [
    b"\0", b"\xff", b"\t", b"\n", b": ", b"- ", b"[", b"]", b"{", b"}", b'"', b"'", b"*a", b"&a ",
    b"!", b"<<: ", b"---\n", b"|", b">", b"#", b"? ", b"\xed\xa0\x80", b"1e999", b".nan", b"~",
    b"${", b"${x}", b"$${", b"null", b"vhost: ", b"state: absent", b"omit: true", b"name: ",
    b"bindings: ", b"9" * 50, b"removed: ", b"type: stream\n", b"arguments: ",
]  # fmt: skip
MEMORY_BYTES = 2_000_000_000
BOUND_S = 120


def compiled(content: bytes, file: str = "a.yaml") -> tuple[Finding, ...]:
    """Return all findings; whatever else is raised is a mistake."""
    options = Options(vars={"x": "1", "site": "north"})
    files = [source_file(content, file)]
    try:
        return compile_layers([("base", files)], options).findings
    except InvalidDefinitions as problem:
        found = problem.findings
    assert found
    return found


def check(findings: tuple[Finding, ...], file: str = "a.yaml") -> None:
    for one in findings:
        assert one.code.startswith("RMQ")
        assert str(one)
        assert one.source is None or one.source.file == file


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = draw(st.sampled_from(EXAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        cut = draw(st.integers(0, 12))
        content = content[:at] + draw(st.sampled_from(FRAGMENTS)) + content[at + cut :]
    return content


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["${x}", "${", "a" * 300, "^(", "amq.x", "*", "/", "\r\n", "absent"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "vhost", "secret", "omit", "state", "x"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@st.composite
def restructured(draw: st.DrawFn) -> bytes:
    """An example in which some values are others, gone, doubled or under another key."""
    document = yaml.safe_load(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, document)
    return json.dumps(document).encode()


def _change(draw: st.DrawFn, document: Any) -> None:
    here = document
    while True:
        inner = list(here.values() if isinstance(here, dict) else here)
        deeper = [one for one in inner if isinstance(one, dict | list) and one]
        if not deeper or draw(st.integers(0, 3)) == 0:
            break
        here = draw(st.sampled_from(deeper))
    if not here:
        return
    places = sorted(here) if isinstance(here, dict) else list(range(len(here)))
    place = draw(st.sampled_from(places))
    match draw(st.sampled_from(["replace", "remove", "rename", "double"])):
        case "replace":
            here[place] = draw(values)
        case "remove":
            del here[place]
        case "rename" if isinstance(here, dict):
            here[draw(st.sampled_from([*places, "nmae", "state", "removed", "queues"]))] = here[
                place
            ]
        case "double" if isinstance(here, list):
            here.append(here[place])


@settings(max_examples=200)
@given(mutated())
def test_an_example_with_other_bytes_gives_definitions_or_findings(content: bytes) -> None:
    check(compiled(content))


@settings(max_examples=200)
@given(restructured(), st.sampled_from(["a.yaml", "a.json"]))
def test_an_example_of_another_shape_gives_definitions_or_findings(
    content: bytes, file: str
) -> None:
    check(compiled(content, file), file)


@settings(max_examples=150)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode(errors="replace")))
def test_any_bytes_give_definitions_or_findings(content: bytes) -> None:
    check(compiled(content))


def _bomb() -> bytes:
    lines = [b"x: &a0 [" + b"y, " * 50 + b"]\n"]
    lines += [
        b"x%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 50)) for n in range(1, 9)
    ]
    return b"".join(lines)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "an alias bomb": (_bomb, "stand for too many values"),
    "deep brackets": (lambda: b"queues: " + b"[" * 5_000_000, "deeper than 100 levels"),
    "deep mappings": (lambda: b"{a: " * 2_000_000, "deeper than 100 levels"),
    "deep lists": (lambda: b"- " * 5_000_000, "deeper than 100 levels"),
    "a scalar of 100 MB": (lambda: b"a: " + b"x" * 100_000_000, "more than 50000000"),
    "a name of 49 MB": (lambda: b"queues: [{vhost: /, name: '" + b"x" * 49_000_000 + b"'}]", "255"),
    "a key of 49 MB": (lambda: b"x" * 49_000_000 + b": 1", "RMQ"),
    "a quoted scalar without end": (lambda: b"a: '" + b"x" * 49_000_000, "never ends"),
    "many small values": (lambda: b"a: [" + b"[]," * 16_000_000 + b"]", "RMQ004"),
    "many duplicate keys": (lambda: b"a: 1\n" * 5_000_000, "RMQ"),
    "NUL": (lambda: b"vhosts: [{name: 'a\0'}]", "U+0000"),
    "a lone surrogate": (lambda: b'vhosts: [{name: "\\ud800"}]', "Unicode"),
    "duplicate keys": (lambda: b"vhosts: []\nvhosts: []\n", "first at"),
    "a pattern that explodes": (
        lambda: b"policies: [{vhost: /, name: p, pattern: '" + b"(a*)*" * 100_000
        + b"b', definition: {max-length: 1}}]\nqueues: [{vhost: /, name: "
        + b"a" * 200 + b"}]",
        "RMQ",
    ),
}  # fmt: skip


def validated(folder: Path) -> tuple[int, str]:
    """Run `validate` in a process that can have no more memory than is good."""
    done = subprocess.run(
        [sys.executable, "-m", "rmqsync", "validate", "base"],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_memory(
    tmp_path: Path, content: Callable[[], bytes], words: str
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.yaml").write_bytes(content())

    code, said = validated(tmp_path)

    assert code == 1, said[:2000]
    assert words in said
    assert "Traceback" not in said
    assert len(said) < 2_000_000


@pytest.mark.parametrize(
    "target", ["../secret.yaml", "/dev/zero", "/proc/self/environ", "a.yaml", "."]
)
def test_a_link_that_leads_elsewhere_is_refused_unread(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret.yaml").write_text("kw9secret: [")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.yaml").symlink_to(target)

    code, said = validated(tmp_path)

    assert code == 1, said
    assert "a.yaml: error" in said
    assert "Traceback" not in said
    assert "kw9secret" not in said
